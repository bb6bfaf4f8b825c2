/*
 * inbox.c: what the UC hears on its channel.
 */
#include "core/state.h"
#include "fs/package.h"
#include "host/channel.h"
#include "host/host.h"
#include "host/inbox.h"
#include "net/net.h"

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
		channel_flush();
	while (host_received(hostcall(__NR_recvfrom, UC_CHANNEL_FD, (u64)RX, UC_MSG_MAX, MSG_DONTWAIT, 0, 0)))
		any = 1;
	return any;
}
