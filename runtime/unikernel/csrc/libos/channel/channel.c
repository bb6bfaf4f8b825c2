/*
 * channel.c: what the UC says on its channel.
 *
 * There are two sorts of messages. Bytes (of the driver's stream, the console, a connection, a
 * datagram) may meet a full channel: send_msg says -EAGAIN, and the call that sent them blocks.
 * Messages about connections must neither be lost nor be overtaken: where the channel has no room
 * they wait in S->words, in the state, and so in a snapshot. What waits is sent in order before
 * anything of that sort.
 */
#include "base/state.h"
#include "channel/channel.h"
#include "host/host.h"

/* Bytes of messages that wait. What may be open bounds them, since no connection is asked for while
 * some wait (host_backlog). They wait here and not in the host, where the platform may itself be
 * waiting until the UC reads. */
#define WORDS_MAX (1u << 20)

int host_backlog(void) { return S->words.len != 0; }

/* The packet in TX, of len bytes, waits in the state; room on the channel is asked for from now on. */
static void keep_word(u64 len)
{
	S->words.max = WORDS_MAX;
	if (queue_put(&S->words, TX, len) != (i64)len)
		uc_end(UC_EXIT_MEMORY, 0, "no memory for the words about connections");
	S->want_out = 1;
}

/* A packet of TX: what the host said. Sends the packet in TX, of len bytes, without waiting. A
 * channel that is closed ends the UC: nobody hears it any more. */
static i64 try_packet(u64 len)
{
	i64 r = host_send(len, MSG_DONTWAIT);
	if (r == -EAGAIN)
		S->want_out = 1;
	else if (r < 0)
		uc_end(UC_EXIT_ORPHAN, 0, "the channel is closed");
	return r;
}

/* Sends what waits, as far as there is room. The packet buffer is used. A message leaves the queue
 * only when it is sent, so that none is lost when the channel is full. */
void channel_flush(void)
{
	struct uc_msg *m = (struct uc_msg *)TX;
	while (S->words.len) {
		queue_get_user(&S->words, (u64)m, sizeof *m, 1);
		/* The head says how long the message is. */
		u64 len = sizeof *m + m->len;
		queue_get_user(&S->words, (u64)TX, len, 1);
		if (try_packet(len) == -EAGAIN)
			return;
		queue_get_user(&S->words, (u64)TX, len, 0);
		changed();
	}
}

/* The payload is head, memory of the libOS, and then body, memory of the guest. */
i64 send_msg(u16 type, u32 id, u32 arg, const void *head, u64 head_len, u64 body, u64 len)
{
	u8 *p = TX + sizeof(struct uc_msg);
	/* What may be refused, because the caller can wait. */
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

/* Output of the libOS itself, which has no other way; what does not fit into the channel is dropped. */
void console(const char *s, u64 n) { send_msg(UC_MSG_CONSOLE, 2, 0, s, MIN(n, 4096), 0, 0); }

/* Waits for a message, or for room if one is wanted. timeout_ns -1: for ever. A sleep in ppoll is a
 * capture point like any other; what the UC is woken for is seen by whoever asks next. */
int host_poll(i64 ns, int want_out)
{
	struct {
		i32 fd;
		u16 events, revents;
	} p = { UC_CHANNEL_FD, POLLIN | (want_out ? POLLOUT : 0), 0 };
	struct {
		i64 sec, nsec;
	} ts = { ns / 1000000000, ns % 1000000000 };
	host_asleep();
	i64 r = hostcall(__NR_ppoll, (u64)&p, 1, ns < 0 ? 0 : (u64)&ts, 0, 8, 0);
	host_woke();
	/* Room again: what waits goes first, then the calls that were refused. */
	if (r > 0 && p.revents & POLLOUT) {
		S->want_out = 0;
		channel_flush();
		changed();
	}
	return r > 0 && p.revents & ~POLLOUT;
}

/* Sends what fits into packets. What a full channel did not take is the caller's to send again. */
i64 send_bytes(u16 type, u32 id, u64 buf, u64 n)
{
	u64 at = 0;
	while (at < n) {
		u64 k = MIN(n - at, UC_MSG_MAX - sizeof(struct uc_msg));
		i64 r = send_msg(type, id, 0, NULL, 0, buf + at, k);
		if (r)
			return at ? (i64)at : r;
		at += k;
	}
	return n;
}
