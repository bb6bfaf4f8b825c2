/*
 * socket.c: sockets as objects: who is bound where, who is connected with whom, and the delivery of
 * datagrams inside the guest.
 *
 * A connection inside the guest (a pair, a unix name, loopback) is two sockets that point at each
 * other by peer. A stream's bytes wait in the receiver's queue; the sender puts them there. A
 * datagram is a struct record and its bytes in that queue. What is neither goes through the tender
 * (net.c): such a socket is proxied, has a number instead of a peer, and its queue is filled by
 * messages.
 *
 * A port belongs to whoever is bound to it; there is one list of all sockets, which every look-up
 * goes through. The end of a socket is told to its peer by eof, and by error if bytes were lost.
 */
#include "base/state.h"
#include "mm/heap.h"
#include "net/rights.h"
#include "net/sockopt.h"
#include "net/socket.h"

/* All sockets are in one list: a few hundred at most, searched by address when somebody connects. */
struct sock *sock_new(int domain, int type)
{
	struct sock *s = kalloc(sizeof *s);
	if (!s)
		return NULL;
	s->domain = domain, s->type = type;
	/* SO_RCVBUF changes it. */
	s->rx.max = SOCK_BUFFER;
	s->next = S->sockets;
	S->sockets = s;
	return s;
}

/* Everything that is the socket's own. Its peer has been told before. */
void sock_free(struct sock *s)
{
	struct sock **p = &S->sockets;
	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
	rights_drop(s);
	queue_free(&s->rx);
	kfree(s->options, OPTIONS_MAX * sizeof *s->options);
	kfree(s->backlog, SOMAXCONN * sizeof *s->backlog);
	kfree(s, sizeof *s);
}

/* An IPv6 socket bound to any address also hears IPv4. Would a datagram or a connection to a reach
 * s? */
static int hears(const struct sock *s, const struct addr *a)
{
	if (s->domain == AF_UNIX)
		return s->local.path_len == a->path_len && !memcmp(s->local.path, a->path, a->path_len);
	if (s->local.port != a->port)
		return 0;
	if (is_any(&s->local))
		return s->domain == AF_INET6 ? !(s->v6only && is_v4(a)) : is_v4(a);
	return !memcmp(s->local.ip, a->ip, 16) || is_any(a);
}

/* A listener, or a datagram socket. */
struct sock *sock_bound(int domain, int type, const struct addr *a)
{
	for (struct sock *s = S->sockets; s; s = s->next)
		if (s->bound && s->type == type && (s->domain == AF_UNIX) == (domain == AF_UNIX) &&
			(type != SOCK_STREAM || s->state == LISTENING || s->state == NEW) && hears(s, a))
			return s;
	return NULL;
}

/* Linux's range of ephemeral ports. The search goes on behind the last one that was given, so a
 * port is not used again at once. */
i64 sock_autobind(struct sock *s)
{
	if (s->bound || s->domain == AF_UNIX)
		return 0;
	/* ip(7), ip_local_port_range: 32768 to 60999, of which the search uses the first 28000. */
	for (u32 k = 0; k < 28000; k++) {
		struct addr a = s->local;
		a.port = 32768 + (S->next_conn + k) % 28000;
		if (sock_bound(s->domain, s->type, &a))
			continue;
		S->next_conn += k + 1;
		s->local.port = a.port;
		s->bound = 1;
		return 0;
	}
	return -EADDRINUSE;
}

/* Both are connected from now on. */
void sock_pair(struct sock *a, struct sock *b)
{
	a->peer = b, b->peer = a;
	a->state = b->state = CONNECTED;
}

/* Loopback to loopback; all else starts from the guest's own address, as a machine's route would
 * say. */
void sock_route(struct sock *s, const struct addr *to)
{
	static const u8 one4[4] = { 127, 0, 0, 1 }, one6[16] = { [15] = 1 }, own4[4] = OWN_IPV4;
	if (is_v4(to) || (is_any(to) && s->domain == AF_INET)) {
		memcpy(s->local.ip, v4_mapped, sizeof v4_mapped);
		memcpy(s->local.ip + 12, is_any(to) || to->ip[12] == 127 ? one4 : own4, 4);
	} else if (is_loopback(to)) {
		memcpy(s->local.ip, one6, 16);
	}
}

/* The connection is complete before anybody accepts it: its second end waits in the backlog. */
i64 sock_connect_local(struct sock *s, const struct addr *to)
{
	struct sock *l = sock_bound(s->domain, s->type, to);
	/* A unix name that leads to nobody is no file; a port without a listener refuses. */
	if (!l || l->state != LISTENING)
		return s->domain == AF_UNIX && !l ? -ENOENT : -ECONNREFUSED; /* unix(7), connect(2) */
	/* connect then waits until somebody is accepted. unix(7), listen(2): whoever connects waits for
	 * room. */
	if (l->pending >= l->backlog_max)
		return -EAGAIN;
	struct sock *b = sock_new(l->domain, l->type);
	if (!b)
		return -ENOBUFS;
	/* socket(7): an accepted socket has its listener's buffers. */
	b->rx.max = l->rx.max;
	if (s->domain != AF_UNIX) {
		i64 r = sock_autobind(s);
		if (r) {
			sock_free(b);
			return r;
		}
		if (is_any(&s->local))
			sock_route(s, to);
	}
	s->bound = BOUND_BY_CONNECTION;
	s->remote = *to;
	if (is_any(to))
		memcpy(s->remote.ip, s->local.ip, 16);
	b->local = s->remote, b->remote = s->local;
	sock_pair(s, b);
	l->backlog[l->pending++] = b;
	l->seq++;
	s->seq++;
	changed();
	return 0;
}

/* A datagram, or a record of a SOCK_SEQPACKET pair, into to's queue. One that does not fit is
 * dropped (UDP) or refused. The record's head and bytes go in together or not at all. */
i64 sock_deliver(struct sock *to, const struct addr *from, struct marks marks, u64 buf, u64 n)
{
	struct record r = { n, marks, *from };
	if (to->rx.max - to->rx.len < sizeof r + n)
		return to->domain == AF_UNIX ? -EAGAIN : (i64)n; /* unix(7): reliable; udp(7): not */
	/* If the bytes do not fit, the head goes again. */
	struct queue before = to->rx;
	if (queue_put(&to->rx, &r, sizeof r) != sizeof r)
		return -ENOBUFS;
	i64 k = queue_put_user(&to->rx, buf, n);
	if (k != (i64)n) {
		/* The bytes of a queue are appended at its end, so its old length takes them all back. */
		to->rx.len = before.len;
		return k < 0 ? k : -ENOBUFS;
	}
	to->seq++;
	changed();
	return n;
}
