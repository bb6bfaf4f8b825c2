/*
 * socket.c: sockets inside the guest: pairs, unix names, loopback. What is neither goes through the tender (net.c).
 * A stream's bytes wait in the receiver's queue; the sender finds it by peer.
 */
#include "net/socket.h"

static const u8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const u8 zeros[16];

static int is_v4(const struct addr *a) { return !memcmp(a->ip, mapped, 12); }

int is_any(const struct addr *a) { return !memcmp(a->ip, zeros, 16) || (is_v4(a) && !memcmp(a->ip + 12, zeros, 4)); }

int is_loopback(const struct addr *a)
{
	static const u8 one[16] = { [15] = 1 }, own[4] = OWN_IPV4;
	return is_any(a) || !memcmp(a->ip, one, 16) || (is_v4(a) && (a->ip[12] == 127 || !memcmp(a->ip + 12, own, 4)));
}

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
	struct sock **p = (struct sock **)&S->sockets;
	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
	rights_drop(s);
	queue_free(&s->rx);
	kfree(s->options, OPTIONS_MAX * sizeof *s->options);
	kfree(s->backlog, BACKLOG_MAX * sizeof *s->backlog);
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
		    (type != STREAM || s->state == LISTENING || s->state == NEW) && hears(s, a))
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
		memcpy(s->local.ip, mapped, 12);
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
	s->bound = 2; /* an address of a connection: no second one is delivered to it */
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

/* A datagram, or a record of a SEQPACKET pair, into to's queue. One that does not fit is dropped (UDP) or refused. */
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

i64 socket_read(struct file *f, u64 buf, u64 n)
{
	struct sock *s = f->obj;
	if (s->type != STREAM) {
		struct record r;
		if (!s->rx.len)
			return s->eof ? 0 : -EAGAIN;
		queue_get_user(&s->rx, (u64)&r, sizeof r, 0);
		i64 k = queue_get_user(&s->rx, buf, MIN(n, r.len), 0);
		u8 rest[256];
		for (u64 left = r.len - MIN(n, r.len); left; left -= MIN(left, sizeof rest))
			queue_get_user(&s->rx, (u64)rest, MIN(left, sizeof rest), 0);
		if (s->rights)
			rights_read(s, sizeof r + r.len);
		changed();
		return k;
	}
	if (s->rx.len) {
		i64 k = queue_get_user(&s->rx, buf, s->rights ? rights_limit(s, n) : n, 0);
		if (s->rights && k > 0)
			rights_read(s, k);
		if (k > 0 && s->proxied) {
			s->owed += k;
			if (s->owed >= SOCK_BUFFER / 4 || !s->rx.len)
				net_credit(s);
		}
		changed();
		return k;
	}
	if (s->error) {
		i64 e = -s->error;
		s->error = 0;
		return e;
	}
	if (s->eof)
		return 0;
	if (s->state != CONNECTED)
		return s->state == CONNECTING ? -EAGAIN : -ENOTCONN;
	return n ? -EAGAIN : 0;
}

#define SEGMENT 4096

/* TCP takes a part of what is sent to a peer that has closed; the reset that answers it makes the next one fail. */
static i64 after_the_end(struct sock *s, u64 n)
{
	if (!s->peer) {
		s->eof = s->shut = 1;
		s->seq++;
		changed();
	}
	return MIN(n, SEGMENT);
}

i64 socket_write(struct file *f, u64 buf, u64 n)
{
	struct sock *s = f->obj;
	if (s->domain == AF_NETLINK)
		return netlink_ask(s, buf, n);
	if (s->error) {
		i64 e = -s->error;
		s->error = 0;
		return e;
	}
	if (s->type == DGRAM && !s->peer) {
		if (s->state != CONNECTED)
			return -EDESTADDRREQ;
		return net_send_to(s, &s->remote, buf, n);
	}
	if (s->state != CONNECTED)
		return s->state == CONNECTING ? -EAGAIN : -ENOTCONN;
	if (s->shut || (s->domain == AF_UNIX && (!s->peer || s->peer->eof == 2)))
		return -EPIPE;
	if (!s->proxied && (!s->peer || s->peer->eof == 2))
		return after_the_end(s, n);
	if (s->proxied)
		return net_send(s, buf, n);
	if (s->type != STREAM)
		return sock_deliver(s->peer, &s->local, s->marks, buf, n);
	if (n && s->peer->rx.len >= s->peer->rx.max)
		return -EAGAIN;
	i64 k = queue_put_user(&s->peer->rx, buf, n);
	s->peer->seq++;
	changed();
	return k;
}

/* Some room is not enough to wake a writer for. */
static int has_room(const struct queue *q) { return q->max - q->len >= MIN(4096, q->max / 3); }

u32 socket_poll(struct file *f)
{
	struct sock *s = f->obj;
	u32 bits = s->error ? POLLERR | POLLIN | POLLOUT : 0;
	if (s->state == LISTENING)
		return s->pending ? POLLIN : 0;
	if (s->state == CONNECTING)
		return bits;
	if (s->rx.len || s->eof)
		bits |= POLLIN;
	if (s->type == DGRAM)
		return bits | POLLOUT;
	if (s->state == NEW)
		return bits | POLLOUT | POLLHUP;
	if (s->eof)
		bits |= POLLRDHUP;
	if (s->eof && s->shut)
		bits |= POLLHUP;
	if (s->shut || (s->proxied ? s->credit && !S->want_out : !s->peer || has_room(&s->peer->rx)))
		bits |= POLLOUT;
	return bits;
}

/* The other end closes: in good order, or with a reset if it had not read all, or lingers for no time. */
static void leave(struct sock *s, int reset)
{
	s->peer = NULL;
	s->eof = 1;
	if (reset && s->type != DGRAM)
		s->error = ECONNRESET, s->shut = 1;
	s->seq++;
}

void socket_close(struct file *f)
{
	struct sock *s = f->obj;
	for (u32 i = 0; i < s->pending; i++) {
		struct sock *b = s->backlog[i];
		if (b->peer)
			leave(b->peer, 1);
		sock_free(b);
	}
	if (s->peer)
		leave(s->peer, s->rx.len || s->abort);
	if (s->proxied)
		net_close(s);
	sock_free(s);
	changed();
}

/* ---- For edge-triggered epoll: a number that moves whenever something arrives ---- */
u32 event_seq(struct file *f);
u32 pipe_seq(struct file *f);
u32 notify_seq(struct file *f);

u32 file_seq(struct file *f)
{
	switch (f->kind) {
	case K_SOCKET: return ((struct sock *)f->obj)->seq;
	case K_EVENT: return event_seq(f);
	case K_PIPE_R:
	case K_PIPE_W: return pipe_seq(f);
	case K_INOTIFY: return notify_seq(f);
	default: return (u32)S->changes;
	}
}

u64 sock_readable(struct sock *s)
{
	struct record r;
	if (s->type == STREAM || !s->rx.len)
		return s->rx.len;
	queue_get_user(&s->rx, (u64)&r, sizeof r, 1);
	return r.len;
}
