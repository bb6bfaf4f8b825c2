/*
 * host.c: everything the libOS asks of the host: the system calls of abi/uc_filter.h, made through hostcall. Packets are
 * staged at the foot of UC_STACK, which is outside of the region: a capture point has none in flight.
 */
#include "core/state.h"

#define RX ((u8 *)UC_STACK)
#define TX ((u8 *)UC_STACK + UC_MSG_MAX)
_Static_assert(UC_STACK_SIZE >= 2 * UC_MSG_MAX + 65536, "packet buffers and 64 KB of stack");


void net_message(struct uc_msg *m, const u8 *body);       /* net.c */
void package_message(const u8 *records, u64 n);           /* package.c */

static i64 send_packet(u64 len, int flags)
{
	i64 r;
	do
		r = hostcall(__NR_sendto, UC_CHANNEL_FD, (u64)TX, len, flags | MSG_NOSIGNAL, 0, 0);
	while (r == -EINTR);
	return r;
}

void uc_end(u32 how, u32 id, const char *why)
{
	u64 n = MIN(strlen(why), 1024);
	*(struct uc_msg *)TX = (struct uc_msg){ UC_MSG_EXIT, S->refused ? UC_EXIT_F_MEMORY : 0, id, how, n };
	memcpy(TX + sizeof(struct uc_msg), why, n);
	/* Not for ever: a platform that does not read must not keep a dead UC alive. The exit status says it too. */
	send_packet(sizeof(struct uc_msg) + n, MSG_DONTWAIT);
	for (;;)
		hostcall(__NR_exit_group, how == UC_EXIT_OK ? id & 255 : how, 0, 0, 0, 0, 0);
}

void uc_panic(const char *what, u64 value)
{
	char b[160];
	struct text t = { b, 0, sizeof b - 1 };
	put(&t, "libOS: "), put(&t, what), put(&t, " 0x"), put_x(&t, value);
	b[t.n] = 0;
	uc_end(UC_EXIT_LIBOS, 0, b);
}

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
	i64 r = send_packet(len, MSG_DONTWAIT);
	if (r == -EAGAIN)
		S->want_out = 1;
	else if (r < 0)
		uc_end(UC_EXIT_ORPHAN, 0, "the channel is closed");
	return r;
}

/* Sends what waits, as far as there is room. The packet buffer is used. */
static void send_words(void)
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
		send_words();
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

/* The UC sleeps between the two: the capture point. Nothing of the region is written meanwhile. */
static void fall_asleep(void) { __atomic_store_n(&S->pub.quiescent, UC_QUIESCENT, __ATOMIC_SEQ_CST); }

void host_woke(void)
{
	__atomic_store_n(&S->pub.quiescent, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&S->pub.wakes, S->pub.wakes + 1, __ATOMIC_SEQ_CST);
}

void host_sleep(void)
{
	fall_asleep();
	uc_sleep();
}

int host_poll(i64 ns, int want_out)
{
	struct { i32 fd; u16 events, revents; } p = { UC_CHANNEL_FD, POLLIN | (want_out ? POLLOUT : 0), 0 };
	struct { i64 sec, nsec; } ts = { ns / 1000000000, ns % 1000000000 };
	fall_asleep();
	i64 r = hostcall(__NR_ppoll, (u64)&p, 1, ns < 0 ? 0 : (u64)&ts, 0, 8, 0);
	host_woke();
	if (r > 0 && p.revents & POLLOUT) {
		S->want_out = 0;
		send_words();
		changed();
	}
	return r > 0 && p.revents & ~POLLOUT;
}

static void take(struct uc_msg *m, const u8 *body)
{
	switch (m->type) {
	case UC_MSG_SLEEP:
		uc_sleep();
	case UC_MSG_FILE:
		package_message(body, m->len);
		break;
	case UC_MSG_DATA:
		if (queue_put(&S->chan, body, m->len) != (i64)m->len)
			uc_end(UC_EXIT_MEMORY, 0, "no memory for the driver's input");
		break;
	default:
		net_message(m, body);
	}
	changed();
}

static void take_packet(u64 n)
{
	struct uc_msg *m = (struct uc_msg *)RX;
	for (u64 at = 0; at < n; at += sizeof *m + m->len) {
		int more = at && m->type == UC_MSG_FILE;
		m = (struct uc_msg *)(RX + at);
		if ((at && !more) || n - at < sizeof *m || m->len > n - at - sizeof *m)
			uc_end(UC_EXIT_REFUSED, 0, "malformed packet on the channel");
		take(m, RX + at + sizeof *m);
	}
}

int host_received(i64 n)
{
	if (n == -EINTR || n == -EAGAIN)
		return 0;
	if (n <= 0)
		uc_end(UC_EXIT_ORPHAN, 0, "the channel is closed");
	take_packet(n);
	return 1;
}

/* The driver's bytes are never refused: the protocol above sends one invocation at a time, and its size is limited there. */
int host_receive(void)
{
	int any = 0;
	if (S->words.len)
		send_words();
	while (host_received(hostcall(__NR_recvfrom, UC_CHANNEL_FD, (u64)RX, UC_MSG_MAX, MSG_DONTWAIT, 0, 0)))
		any = 1;
	return any;
}

void host_entropy(void *p, u64 n)
{
	for (u64 k; n; n -= k, p = (u8 *)p + k) {
		i64 r = hostcall(__NR_getrandom, (u64)p, MIN(n, 256), 0, 0, 0, 0);
		if (r == -EINTR) {
			k = 0;
			continue;
		}
		if (r <= 0)
			uc_panic("getrandom", -r);
		k = r;
	}
}

void host_set_fs(u64 fs)
{
	S->host_fs = fs;
	if (HOST->flags & UC_F_FSGSBASE)
		__asm__ volatile("wrfsbase %0" : : "r"(fs));
	else
		hostcall(__NR_arch_prctl, 0x1002, fs, 0, 0, 0, 0);
}

/* Above snap_top no snapshot lies beneath, and MADV_DONTNEED gives zeros. Below, it would bring the snapshot's content
 * back: small ranges are zeroed in place, large ones covered by a fresh mapping, which the state books for the tender. */
void host_discard(u64 start, u64 end)
{
	u64 low = MAX(start, S->snap_top);
	if (start < S->snap_top && (start >= UC_HIGH || S->pub.resumes)) {
		u64 stop = MIN(end, S->snap_top);
		if (stop - start < 64 * PAGE || S->pub.discards == UC_DISCARDS) {
			memset((void *)start, 0, stop - start);
		} else {
			struct uc_range *d = &S->pub.discard[S->pub.discards];
			if (S->pub.discards && d[-1].end == start)
				d[-1].end = stop;
			else
				*d = (struct uc_range){ start, stop }, S->pub.discards++;
			i64 r = hostcall(__NR_mmap, start, stop - start, 7, 0x4032, -1, 0);
			if (r != (i64)start)
				uc_panic("discard", -r);
		}
	} else {
		low = start;
	}
	if (low < end)
		hostcall(__NR_madvise, low, end - low, 4, 0, 0, 0);
}
