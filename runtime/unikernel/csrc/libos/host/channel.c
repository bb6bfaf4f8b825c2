/*
 * channel.c: what the UC says on its channel.
 */
#include "core/state.h"
#include "host/channel.h"
#include "host/host.h"

/* Words about connections keep their order, and are never lost; they wait here, not in the host: the platform may wait itself
 * until the UC reads. They are bounded by what may be open, since none is asked for while some wait (host_backlog). */
#define WORDS_MAX (1u << 20)

int host_backlog(void) { return S->words.len != 0; }

static void keep_word(u64 len)
{
	S->words.max = WORDS_MAX;
	if (queue_put(&S->words, TX, len) != (i64)len)
		uc_end(UC_EXIT_MEMORY, 0, "no memory for the words about connections");
	S->want_out = 1;
}

/* A packet of TX: what the host said. */
static i64 try_packet(u64 len)
{
	i64 r = host_send(len, MSG_DONTWAIT);
	if (r == -EAGAIN)
		S->want_out = 1;
	else if (r < 0)
		uc_end(UC_EXIT_ORPHAN, 0, "the channel is closed");
	return r;
}

/* Sends what waits, as far as there is room. The packet buffer is used. */
void channel_flush(void)
{
	struct uc_msg *m = (struct uc_msg *)TX;
	while (S->words.len) {
		queue_get_user(&S->words, (u64)m, sizeof *m, 1);
		u64 len = sizeof *m + m->len;
		queue_get_user(&S->words, (u64)TX, len, 1);
		if (try_packet(len) == -EAGAIN)
			return;
		queue_get_user(&S->words, (u64)TX, len, 0);
		changed();
	}
}

i64 send_msg(u16 type, u32 id, u32 arg, const void *head, u64 head_len, u64 body, u64 len)
{
	u8 *p = TX + sizeof(struct uc_msg);
	int bytes = type == UC_MSG_DATA || type == UC_MSG_STREAM || type == UC_MSG_CONSOLE || type == UC_MSG_DGRAM;
	u64 all = sizeof(struct uc_msg) + head_len + len;
	if (all > UC_MSG_MAX)
		return -EMSGSIZE;
	if (!bytes && S->words.len)
		channel_flush();
	memcpy(p, head, head_len);
	if (len && from_user(p + head_len, body, len))
		return -EFAULT;
	*(struct uc_msg *)TX = (struct uc_msg){ type, 0, id, arg, head_len + len };
	if (bytes)
		return try_packet(all) == -EAGAIN ? -EAGAIN : 0;
	if (S->words.len || try_packet(all) == -EAGAIN)
		keep_word(all);
	return 0;
}

/* Output of the guest that has no other way; what does not fit into the channel is dropped. */
void console(const char *s, u64 n)
{
	send_msg(UC_MSG_CONSOLE, 2, 0, s, MIN(n, 4096), 0, 0);
}

int host_poll(i64 ns, int want_out)
{
	struct { i32 fd; u16 events, revents; } p = { UC_CHANNEL_FD, POLLIN | (want_out ? POLLOUT : 0), 0 };
	struct { i64 sec, nsec; } ts = { ns / 1000000000, ns % 1000000000 };
	host_asleep();
	i64 r = hostcall(__NR_ppoll, (u64)&p, 1, ns < 0 ? 0 : (u64)&ts, 0, 8, 0);
	host_woke();
	if (r > 0 && p.revents & POLLOUT) {
		S->want_out = 0;
		channel_flush();
		changed();
	}
	return r > 0 && p.revents & ~POLLOUT;
}
