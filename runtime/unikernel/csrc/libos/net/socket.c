/*
 * socket.c: sockets as objects: who is bound where, who is connected with whom, and the delivery of datagrams inside the guest.
 *
 * Pairs, unix names and loopback stay inside the guest; what is neither goes through the tender (net.c). A stream's bytes wait in the
 * receiver's queue; the sender finds it by peer. A datagram is a struct record and its bytes in that queue.
 */
#include "core/state.h"
#include "mm/heap.h"
#include "net/rights.h"
#include "net/sockopt.h"
#include "net/socket.h"

struct sock *sock_new(int domain, int type)
{
	struct sock *s = kalloc(sizeof *s);
	if (!s)
		return NULL;
	s->domain = domain, s->type = type;
	s->rx.max = SOCK_BUFFER;
	s->next = S->sockets;
	S->sockets = s;
	return s;
}

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

/* An IPv6 socket bound to any address also hears IPv4. */
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

struct sock *sock_bound(int domain, int type, const struct addr *a)
{
	for (struct sock *s = S->sockets; s; s = s->next)
		if (s->bound && s->type == type && (s->domain == AF_UNIX) == (domain == AF_UNIX) &&
		    (type != SOCK_STREAM || s->state == LISTENING || s->state == NEW) && hears(s, a))
			return s;
	return NULL;
}

i64 sock_autobind(struct sock *s)
{
	if (s->bound || s->domain == AF_UNIX)
		return 0;
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

void sock_pair(struct sock *a, struct sock *b)
{
	a->peer = b, b->peer = a;
	a->state = b->state = CONNECTED;
}

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

i64 sock_connect_local(struct sock *s, const struct addr *to)
{
	struct sock *l = sock_bound(s->domain, s->type, to);
	if (!l || l->state != LISTENING)
		return s->domain == AF_UNIX && !l ? -ENOENT : -ECONNREFUSED;
	if (l->pending >= l->backlog_max)
		return -EAGAIN;
	struct sock *b = sock_new(l->domain, l->type);
	if (!b)
		return -ENOBUFS;
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

/* A datagram, or a record of a SOCK_SEQPACKET pair, into to's queue. One that does not fit is dropped (UDP) or refused. */
i64 sock_deliver(struct sock *to, const struct addr *from, struct marks marks, u64 buf, u64 n)
{
	struct record r = { n, marks, *from };
	if (to->rx.max - to->rx.len < sizeof r + n)
		return to->domain == AF_UNIX ? -EAGAIN : (i64)n;
	struct queue before = to->rx;
	if (queue_put(&to->rx, &r, sizeof r) != sizeof r)
		return -ENOBUFS;
	i64 k = queue_put_user(&to->rx, buf, n);
	if (k != (i64)n) {
		to->rx.len = before.len;
		return k < 0 ? k : -ENOBUFS;
	}
	to->seq++;
	changed();
	return n;
}
