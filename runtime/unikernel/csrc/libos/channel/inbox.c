/*
 * inbox.c: what the UC hears on its channel: the driver's bytes, files of the function's package,
 * and what the tender says of connections.
 *
 * The scheduler asks the inbox when the UC wakes up or on a tick, and calls ask that look without
 * waiting. The folders above take their messages by struct inbox_ops.
 */
#include "base/state.h"
#include "channel/channel.h"
#include "host/host.h"
#include "channel/inbox.h"

/* One message. UC_MSG_SLEEP is the last that this UC reads: the tender is about to reset it,
 * wherever it is. */
static void take(struct uc_msg *m, const u8 *body)
{
	switch (m->type) {
	case UC_MSG_SLEEP: uc_sleep();
	case UC_MSG_FILE: S->inbox->file(body, m->len); break;
	/* The driver's bytes are never refused: the protocol above sends one invocation at a time, and
	 * its size is limited there. */
	case UC_MSG_DATA:
		if (queue_put(&S->chan, body, m->len) != (i64)m->len)
			uc_end(UC_EXIT_MEMORY, 0, "no memory for the driver's input");
		break;
	default: S->inbox->connection(m, body);
	}
	changed();
}

/* A packet is one message; only behind a file another file may stand. The tender is trusted with
 * what it says, not with how it says it: a malformed packet ends the UC with a sentence instead of
 * a fault. */
static void take_packet(u64 n)
{
	struct uc_msg *m = (struct uc_msg *)RX;
	for (u64 at = 0; at < n; at += sizeof *m + m->len) {
		/* m is the message before: only a file may be followed. */
		int more = at && m->type == UC_MSG_FILE;
		m = (struct uc_msg *)(RX + at);
		if ((at && !more) || n - at < sizeof *m || m->len > n - at - sizeof *m)
			uc_end(UC_EXIT_REFUSED, 0, "malformed packet on the channel");
		take(m, RX + at + sizeof *m);
	}
}

/* n is what recvfrom said: bytes in RX, 0 for the end of the channel, or -errno. */
int host_received(i64 n)
{
	/* Nothing has come: the tick, or a look without waiting. */
	if (n == -EINTR || n == -EAGAIN)
		return 0;
	if (n <= 0)
		uc_end(UC_EXIT_ORPHAN, 0, "the channel is closed");
	take_packet(n);
	return 1;
}

/* Messages that wait for room go first: the platform may have read since. */
int host_receive(void)
{
	int any = 0;
	if (S->words.len)
		channel_flush();
	while (host_received(hostcall(__NR_recvfrom, UC_CHANNEL_FD, (u64)RX, UC_MSG_MAX, MSG_DONTWAIT, 0, 0)))
		any = 1;
	return any;
}
