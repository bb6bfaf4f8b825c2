/*
 * net.c: connections to the world.
 *
 * Every connection is a number in messages to the tender, which dials, resolves and refuses. The
 * guest never learns of a host socket. Flow control is by credit (UC_WINDOW): neither side sends
 * more than the other has room for, so a message that has come can always be kept, and a slow
 * reader stops its sender and nobody else.
 *
 * Numbers are never used again in a UC: a message about a connection that the guest has closed
 * meanwhile finds nobody.
 */
#include "base/state.h"
#include "channel/channel.h"
#include "net/net.h"

/* An address as the channel has it (abi/uc.h). */
static struct uc_addr wire(const struct addr *a)
{
	struct uc_addr w = { 6, a->port, { 0 } };
	if (is_v4(a))
		w.family = 4, memcpy(w.ip, a->ip + 12, 4);
	else
		memcpy(w.ip, a->ip, 16);
	return w;
}

/* And back. */
static struct addr unwire(const struct uc_addr *w)
{
	struct addr a = { .port = w->port };
	if (w->family == 4)
		memcpy(a.ip, v4_mapped, sizeof v4_mapped), memcpy(a.ip + 12, w->ip, 4);
	else
		memcpy(a.ip, w->ip, 16);
	return a;
}

/* The answer is UC_MSG_OPENED. */
i64 net_connect(struct sock *s, const struct addr *to)
{
	struct uc_addr w = wire(to);
	s->id = ++S->next_id;
	s->proxied = 1;
	s->state = CONNECTING;
	s->remote = *to;
	/* Both sides begin with the same: a stream can be sent before the first answer. */
	s->credit = UC_WINDOW;
	s->rx.max = SOCK_BUFFER; /* as much as the other side may send */
	return send_msg(UC_MSG_OPEN, s->id, 0, &w, sizeof w, 0, 0);
}

/* Up to a packet, as far as the credit goes. -EAGAIN without credit: the peer has to read first. */
i64 net_send(struct sock *s, u64 buf, u64 n)
{
	/* What the tender has room for, and what a packet holds. */
	n = MIN(n, MIN((u64)s->credit, UC_MSG_MAX - sizeof(struct uc_msg)));
	if (!n)
		return -EAGAIN;
	i64 r = send_msg(UC_MSG_STREAM, s->id, 0, NULL, 0, buf, n);
	if (r)
		return r;
	s->credit -= n;
	return n;
}

/* Datagrams go to another socket of the guest, else through the tender, which answers what
 * it likes (names, port 53). A datagram that nobody hears is lost without an error, as in any
 * network. */
i64 net_send_to(struct sock *s, const struct addr *to, u64 buf, u64 n)
{
	i64 r = sock_autobind(s);
	if (r)
		return r;
	/* send(2), EMSGSIZE: a datagram goes as one or not at all. */
	if (n > DATAGRAM_MAX)
		return -EMSGSIZE;
	/* Stays in the guest. */
	if (s->domain == AF_UNIX || is_loopback(to)) {
		struct sock *t = sock_bound(s->domain, SOCK_DGRAM, to);
		if (!t)
			return s->domain == AF_UNIX ? -ECONNREFUSED : (i64)n; /* unix(7) tells the sender; UDP loses the datagram */
		struct addr from = s->local;
		if (s->domain != AF_UNIX && is_any(&from)) {
			struct addr own = s->local; /* the socket keeps its own */
			sock_route(s, to);
			from = s->local, s->local = own;
		}
		return sock_deliver(t, &from, s->marks, buf, n);
	}
	struct uc_addr w = wire(to);
	if (!s->id)
		s->id = ++S->next_id;
	s->proxied = 1;
	r = send_msg(UC_MSG_DGRAM, s->id, 0, &w, sizeof w, buf, n);
	return r ? r : (i64)n;
}

/* Told in large steps: a message for every read would double the traffic. */
void net_credit(struct sock *s)
{
	send_msg(UC_MSG_CREDIT, s->id, s->owed, NULL, 0, 0, 0);
	s->owed = 0;
}

/* The other direction stays open. */
void net_shut(struct sock *s) { send_msg(UC_MSG_FIN, s->id, 0, NULL, 0, 0, 0); }

/* RESET with 0: closed in good order; what was sent before is still to be delivered. */
void net_close(struct sock *s)
{
	if (s->id && !(s->eof && s->shut == SHUT_BY_RESET))
		send_msg(UC_MSG_RESET, s->id, 0, NULL, 0, 0, 0);
}

/* From the front of the list: the newest connections come first. */
static struct sock *by_id(u32 id)
{
	for (struct sock *s = S->sockets; s; s = s->next)
		if (s->proxied && s->id == id)
			return s;
	return NULL;
}

/* Every message moves the socket's count: an edge for epoll. */
void net_message(struct uc_msg *m, const u8 *body)
{
	struct sock *s = by_id(m->id);
	const struct uc_addr *w = (const void *)body;
	if (!s)
		return; /* closed by the guest meanwhile */
	s->seq++;
	switch (m->type) {
	case UC_MSG_OPENED:
		if (s->state != CONNECTING)
			return;
		/* A refusal: the socket may be connected anew. */
		if (m->arg) {
			s->error = m->arg;
			s->state = NEW, s->proxied = 0, s->id = 0;
			return;
		}
		s->state = CONNECTED;
		if (m->len >= sizeof *w)
			s->local = unwire(w), s->bound = BOUND_BY_CONNECTION;
		return;
	case UC_MSG_STREAM:
		/* A stream must not lose a byte: better no stream. */
		if (queue_put(&s->rx, body, m->len) != (i64)m->len) {
			/* More than its credit, or the guest has no memory left for it. */
			s->error = ENOBUFS, s->eof = 1, s->shut = SHUT_BY_RESET;
			net_close(s);
		}
		return;
	case UC_MSG_FIN: s->eof = 1; return;
	case UC_MSG_RESET:
		if (m->arg)
			s->error = m->arg;
		if (s->state == CONNECTING)
			s->state = NEW;
		s->eof = 1, s->shut = SHUT_BY_RESET;
		return;
	/* The bound keeps the sum in 32 bits, whatever the tender sends. */
	case UC_MSG_CREDIT: s->credit = MIN((u64)s->credit + m->arg, 1u << 30); return;
	case UC_MSG_DGRAM:
		if (s->type == SOCK_DGRAM && m->len >= sizeof *w) {
			struct addr from = unwire(w);
			sock_deliver(s, &from, (struct marks){ DEFAULT_HOPS, 0 }, (u64)body + sizeof *w, m->len - sizeof *w);
		}
		return;
	}
}
