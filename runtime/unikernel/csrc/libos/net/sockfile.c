/*
 * sockfile.c: what a socket does as an open file: read, write, poll, close, and how a call waits
 * for it.
 *
 * A stream's write goes straight into the reader's queue; through the tender it becomes messages.
 * Reading a proxied stream gives credit back for what was taken.
 */
#include "base/state.h"
#include "net/interfaces.h"
#include "net/net.h"
#include "net/rights.h"
#include "net/socket.h"
#include "net/sockfile.h"

/* 0, or the errno for a descriptor that is no socket. */
i64 sock_get(u64 fd, struct sock **s, struct file **f)
{
	*f = fd_file(fd);
	if (!*f)
		return -EBADF;
	if ((*f)->ops != &socket_ops)
		return -ENOTSOCK;
	*s = (*f)->obj;
	return 0;
}

/* recv(2): MSG_DONTWAIT is O_NONBLOCK of one call. */
i64 sock_wait(struct file *f, int flags, int write) { return flags & MSG_DONTWAIT ? -EAGAIN : file_wait(f, write); }

/* The first record of rx: up to n of its bytes, the rest is dropped (udp(7), unix(7)). A buffer
 * that cannot be written costs the datagram, as on Linux: half a record in the queue would be read
 * as the head of the next one. */
static i64 read_record(struct sock *s, u64 buf, u64 n)
{
	struct record r;
	if (!s->rx.len)
		return s->eof ? 0 : -EAGAIN;
	queue_get_user(&s->rx, (u64)&r, sizeof r, 0);
	/* The record's head and bytes lie in the queue together (sock_deliver), so r.len bytes are there. */
	n = MIN(n, r.len);
	i64 k = queue_get_user(&s->rx, buf, n, 0);
	/* The queue gives bytes only by copying, so the rest of the record goes into a buffer that nobody reads. */
	u8 rest[256];
	for (u64 left = k < 0 ? r.len : r.len - n, part; left; left -= part) {
		part = MIN(left, sizeof rest);
		queue_get_user(&s->rx, (u64)rest, part, 0);
	}
	if (s->rights)
		rights_read(s, sizeof r + r.len);
	changed();
	return k;
}

/* A stream: what there is, up to n bytes. */
i64 socket_read(struct sock *s, u64 buf, u64 n)
{
	if (s->type != SOCK_STREAM)
		return read_record(s, buf, n);
	if (s->rx.len) {
		i64 k = queue_get_user(&s->rx, buf, s->rights ? rights_limit(s, n) : n, 0);
		if (s->rights && k > 0)
			rights_read(s, k);
		/* The tender may send as much again. */
		if (k > 0 && s->proxied) {
			s->owed += k;
			/* The sender gets its credit before it has used all of it, so that it never stops for a
			 * reader that keeps up. */
			if (s->owed >= SOCK_BUFFER / 4 || !s->rx.len)
				net_credit(s);
		}
		changed();
		return k;
	}
	if (s->error) {
		/* socket(7), SO_ERROR: a pending error is told once. */
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

/* Bytes: about what one segment of loopback's TCP takes. */
#define SEGMENT 4096

/* TCP takes a part of what is sent to a peer that has closed; the reset that answers it makes the
 * next one fail. */
static i64 after_the_end(struct sock *s, u64 n)
{
	if (!s->peer) {
		s->eof = s->shut = 1;
		s->seq++;
		changed();
	}
	return MIN(n, SEGMENT);
}

/* A datagram or a record goes whole; of a stream as much as fits. */
i64 socket_write(struct sock *s, u64 buf, u64 n)
{
	/* What is sent to the kernel is a question. */
	if (s->domain == AF_NETLINK)
		return netlink_ask(s, buf, n);
	if (s->error) {
		i64 e = -s->error;
		s->error = 0;
		return e;
	}
	/* A datagram finds its receiver by address, unless the socket is one of a pair. */
	if (s->type == SOCK_DGRAM && !s->peer) {
		if (s->state != CONNECTED)
			return -EDESTADDRREQ;
		return net_send_to(s, &s->remote, buf, n);
	}
	if (s->state != CONNECTED)
		return s->state == CONNECTING ? -EAGAIN : -ENOTCONN;
	/* unix(7): the end of the peer is known at once; TCP has to hear of it first. */
	if (s->shut || (s->domain == AF_UNIX && (!s->peer || s->peer->eof == EOF_BY_READER)))
		return -EPIPE;
	/* TCP on loopback, after the other end has gone. */
	if (!s->proxied && (!s->peer || s->peer->eof == EOF_BY_READER))
		return after_the_end(s, n);
	if (s->proxied)
		return net_send(s, buf, n);
	if (s->type != SOCK_STREAM)
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

/* POLLOUT of a stream whose peer has no room waits until there is enough of it (has_room). */
static u32 socket_poll(struct file *f)
{
	struct sock *s = f->obj;
	/* An error makes a socket ready for everything: whoever tries learns of it. */
	u32 bits = s->error ? POLLERR | POLLIN | POLLOUT : 0;
	/* A connection to accept counts as something to read: accept(2). */
	if (s->state == LISTENING)
		return s->pending ? POLLIN : 0;
	if (s->state == CONNECTING)
		return bits;
	if (s->rx.len || s->eof)
		bits |= POLLIN;
	if (s->type == SOCK_DGRAM)
		return bits | POLLOUT;
	/* poll(2) of a stream that was never connected, as Linux answers it. */
	if (s->state == NEW)
		return bits | POLLOUT | POLLHUP;
	if (s->eof)
		bits |= POLLRDHUP;
	/* POLLHUP: both directions are at their end. */
	if (s->eof && s->shut)
		bits |= POLLHUP;
	if (s->shut || (s->proxied ? s->credit && !S->want_out : !s->peer || has_room(&s->peer->rx)))
		bits |= POLLOUT;
	return bits;
}

/* The other end closes: in good order, or with a reset if it had not read all, or lingers for no
 * time. s is the end that stays. */
static void leave(struct sock *s, int reset)
{
	s->peer = NULL;
	s->eof = 1;
	if (reset && s->type != SOCK_DGRAM)
		s->error = ECONNRESET, s->shut = 1;
	s->seq++;
}

/* Connections that nobody accepted end with a reset, as on Linux. */
void sock_close(struct sock *s)
{
	/* Their peers believe themselves connected. */
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

/* As a file: a write to a peer that is gone raises a signal; sendmsg can forbid that. */
static i64 write(struct file *f, u64 buf, u64 n, i64 off)
{
	i64 r = socket_write(f->obj, buf, n);
	(void)off;
	if (r == -EPIPE)
		raise_sigpipe();
	return r;
}

/* read(2) of a socket is recv(2) without flags. */
static i64 read(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)off;
	return socket_read(f->obj, buf, n);
}

/* Counts what arrives, and what becomes of the connection. */
static u32 edge(struct file *f) { return ((struct sock *)f->obj)->seq; }

/* FIONREAD: bytes of a stream, or of the next datagram. */
static u64 readable(struct file *f)
{
	struct sock *s = f->obj;
	struct record r;
	if (s->type == SOCK_STREAM || !s->rx.len)
		return s->rx.len;
	queue_get_user(&s->rx, (u64)&r, sizeof r, 1);
	return r.len;
}

/* netdevice(7), which any socket answers. */
static i64 ioctl(struct file *f, u32 cmd, u64 arg)
{
	(void)f;
	return cmd == SIOCGIFNAME || cmd == SIOCGIFINDEX ? interface_ioctl(cmd, arg) : -ENOTTY;
}

static void close(struct file *f) { sock_close(f->obj); }

/* socket(7): SO_SNDTIMEO, SO_RCVTIMEO. */
static u64 patience(struct file *f, int write)
{
	const struct sock *s = f->obj;
	u64 ns = write ? s->snd_timeout : s->rcv_timeout;
	return ns ? ns : FOREVER;
}

const struct file_ops socket_ops = { .name = "socket:[",
	.mode = S_IFSOCK | 0777, /* sock_alloc of Linux: S_IFSOCK | S_IRWXUGO */
	.splice = SPLICE_FROM | SPLICE_TO,
	.read = read,
	.write = write,
	.patience = patience,
	.poll = socket_poll,
	.edge = edge,
	.readable = readable,
	.ioctl = ioctl,
	.close = close };
