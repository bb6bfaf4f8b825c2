/*
 * sockmsg.c: sending to and receiving from sockets, in all the forms that Linux has: send(2),
 * sendmsg(2), sendmmsg(2), recv(2), recvmsg(2), recvmmsg(2).
 *
 * All forms come down to a vector of buffers, an address and flags. A stream may move a part and go
 * on when it is tried again (thread.progress); a datagram goes as one, and is gathered first.
 */
#include "base/state.h"
#include "mm/heap.h"
#include "net/cmsg.h"
#include "net/net.h"
#include "net/rights.h"
#include "net/sockfile.h"
#include "net/sockopt.h"

struct vec {
	u64 base, len;
}; /* struct iovec */
#define RECORD_MAX 65536 /* bytes: no record is longer than DATAGRAM_MAX, or than a packet of the channel */

/* struct user_msghdr of the kernel's <linux/socket.h>, as a 64-bit program lays the structure out. */
struct msghdr {
	u64 name;
	u32 name_len, pad;
	u64 iov, iov_len, control, control_len;
	u32 flags, pad2;
};

/* A record goes in one piece: the receiver's queue and a packet take it whole or not at all. So it is
 * gathered first, and nothing of it is sent if the guest's memory ends half-way. */
static i64 send_record(struct file *f, struct sock *s, const struct vec *v, u64 n, const struct addr *to, int flags)
{
	u64 total = 0, at = 0;
	/* Each length by itself: a sum of the guest's numbers could wrap. */
	for (u64 i = 0; i < n; total += v[i++].len)
		if (v[i].len > DATAGRAM_MAX - total)
			return -EMSGSIZE;
	u8 *p = kalloc(total + 1); /* an empty datagram has an address too */
	if (!p)
		return -ENOBUFS;
	i64 r = 0;
	for (u64 i = 0; i < n && !r; at += v[i++].len)
		r = from_user(p + at, v[i].base, v[i].len);
	/* Netlink's only peer is the kernel, whatever address is given. */
	r = r ? r : to && s->domain != AF_NETLINK ? net_send_to(s, to, (u64)p, total) : socket_write(s, (u64)p, total);
	kfree(p, total + 1);
	return r == -EAGAIN ? sock_wait(f, flags, 1) : r;
}

/* Bytes sent, or -errno. to NULL: the socket's peer. */
static i64 send_all(struct file *f, struct sock *s, const struct vec *v, u64 n, const struct addr *to, int flags)
{
	u64 done = SELF->retrying ? SELF->progress : 0, at = 0;
	if (s->type != SOCK_STREAM)
		return send_record(f, s, v, n, to, flags);
	for (u64 i = 0; i < n; i++) {
		u64 skip = done > at ? MIN(done - at, v[i].len) : 0;
		at += v[i].len;
		while (skip < v[i].len) {
			i64 r = socket_write(s, v[i].base + skip, v[i].len - skip);
			/* A stream that is full: the rest goes when the reader has taken some. */
			if (r == -EAGAIN) {
				SELF->progress = done;
				r = sock_wait(f, flags, 1);
				if (r == BLOCKED)
					return r;
			}
			if (r <= 0)
				return done ? (i64)done : r;
			done += r, skip += r;
		}
	}
	return done;
}

/* MSG_NOSIGNAL: the error alone. */
static i64 send_vec(struct file *f, struct sock *s, const struct vec *v, u64 n, const struct addr *to, int flags)
{
	i64 r = send_all(f, s, v, n, to, flags);
	if (r == -EPIPE && !(flags & MSG_NOSIGNAL))
		raise_sigpipe();
	return r;
}

/* One record into the vector. What does not fit is lost: recv(2), MSG_TRUNC. By way of a buffer: the
 * record leaves the queue whole even if the guest's memory ends half-way. */
static i64 recv_record(struct file *f, struct sock *s, const struct vec *v, u64 n, struct addr *from,
	struct marks *marks, int flags, u32 *out_flags)
{
	struct record r;
	u64 at = 0;
	if (!s->rx.len)
		return s->eof ? 0 : sock_wait(f, flags, 0);
	/* The buffer comes first: without memory for it the record stays in the queue. */
	u8 *p = kalloc(sizeof r + RECORD_MAX);
	if (!p)
		return -ENOBUFS;
	queue_get_user(&s->rx, (u64)&r, sizeof r, 1);
	queue_get_user(&s->rx, (u64)p, sizeof r + r.len, flags & MSG_PEEK);
	if (s->rights && !(flags & MSG_PEEK))
		rights_read(s, sizeof r + r.len);
	/* The sender's address and marks lie in front of the bytes. */
	*from = r.from, *marks = r.marks;
	i64 e = 0;
	for (u64 i = 0; i < n && at < r.len && !e; i++) {
		u64 k = MIN(v[i].len, r.len - at);
		e = to_user(v[i].base, p + sizeof r + at, k);
		at += k;
	}
	kfree(p, sizeof r + RECORD_MAX);
	if (at < r.len)
		*out_flags |= MSG_TRUNC;
	changed(); /* a sender may wait for the room */
	/* With MSG_TRUNC a caller learns how long the record was. */
	return e ? e : flags & MSG_TRUNC ? (i64)r.len : (i64)at;
}

/* from becomes the sender's address, *marks what IPv6 says of the datagram. *out_flags: MSG_TRUNC
 * if it did not fit. */
static i64 recv_vec(struct file *f, struct sock *s, const struct vec *v, u64 n, struct addr *from, struct marks *marks,
	int flags, u32 *out_flags)
{
	u64 want = 0, done = SELF->retrying ? SELF->progress : 0, at = 0;
	for (u64 i = 0; i < n; i++)
		want += v[i].len;
	*from = s->remote;
	if (s->type != SOCK_STREAM)
		return recv_record(f, s, v, n, from, marks, flags, out_flags);
	/* Of a stream, one look at the first buffer is enough for whoever peeks. */
	if (flags & MSG_PEEK) {
		if (s->rx.len)
			return n ? queue_get_user(&s->rx, v[0].base, v[0].len, 1) : 0;
		return s->eof || s->error ? socket_read(s, 0, 0) : sock_wait(f, flags, 0);
	}
	for (u64 i = 0; i < n; i++) {
		u64 skip = done > at ? MIN(done - at, v[i].len) : 0;
		at += v[i].len;
		while (skip < v[i].len) {
			/* What comes with descriptors is a message of its own. */
			if (done && s->rights && rights_here(s))
				return done;
			i64 r = socket_read(s, v[i].base + skip, v[i].len - skip);
			/* MSG_WAITALL: recv(2). Without it a call waits only for the first bytes. */
			if (r == -EAGAIN && (!done || (flags & MSG_WAITALL && done < want))) {
				SELF->progress = done;
				r = sock_wait(f, flags, 0);
				/* socket(7), SO_RCVTIMEO: bytes that came before the time-out are the result, not the error. */
				return r == BLOCKED || !done ? r : (i64)done;
			}
			if (r <= 0)
				return done || r == -EAGAIN ? (i64)done : r;
			done += r, skip += r;
		}
	}
	return done;
}

/* sendto(2). The address of a connected stream is ignored, as on Linux. */
i64 sys_sendto(u64 fd, u64 buf, u64 n, u64 flags, u64 p, u64 len)
{
	struct vec v = { buf, n };
	struct addr a;
	SOCK(fd);
	if (p && s->type == SOCK_DGRAM) {
		i64 r = address_in(s->domain, p, len, &a);
		return r ? r : send_vec(f, s, &v, 1, &a, flags);
	}
	return send_vec(f, s, &v, 1, NULL, flags);
}

/* recvfrom(2) */
i64 sys_recvfrom(u64 fd, u64 buf, u64 n, u64 flags, u64 p, u64 len)
{
	struct vec v = { buf, n };
	struct addr from;
	struct marks marks;
	u32 ignored = 0;
	SOCK(fd);
	i64 r = recv_vec(f, s, &v, 1, &from, &marks, flags, &ignored);
	if (r >= 0 && p && address_out(s->domain, &from, p, len))
		return -EFAULT;
	return r;
}

/* A vector of 64 buffers is the most that fits on the stack; programs send a handful. */
static i64 message(u64 p, struct msghdr *m, struct vec v[64])
{
	if (from_user(m, p, sizeof *m))
		return -EFAULT;
	/* sendmsg(2): EMSGSIZE is the error of a vector that is too long, on Linux longer than IOV_MAX. */
	if (m->iov_len > 64)
		return -EMSGSIZE;
	return from_user(v, m->iov, m->iov_len * sizeof *v);
}

/* Sends with ancillary data. Descriptors go with the first byte, to whoever gets it. */
static i64 send_with(
	struct file *f, struct sock *s, const struct vec *v, u64 n, const struct addr *to, int flags, struct msghdr *m)
{
	struct sent sent = { NULL, s->marks };
	struct marks own = s->marks;
	/* Whoever gets the bytes gets the descriptors: a connected peer, or a datagram socket by its name. */
	struct sock *peer = s->peer ? s->peer
		: s->domain == AF_UNIX	? sock_bound(AF_UNIX, s->type, to ? to : &s->remote)
								: NULL;
	i64 r = control_in(s, m->control, m->control_len, &sent);
	if (r)
		return r;
	/* The first byte will lie at this offset of the peer's queue: the descriptors belong to that byte. */
	u64 at = peer ? peer->rx.len : 0, before = SELF->retrying ? SELF->progress : 0;
	/* For this one datagram. */
	s->marks = sent.marks;
	r = send_vec(f, s, v, n, to, flags);
	s->marks = own;
	/* A stream's call that blocks has sent some bytes already; one that was tried again has sent
	 * the descriptors. */
	int begun = r > 0 || (r == BLOCKED && SELF->progress);
	if (sent.rights && begun && !before && peer)
		rights_post(peer, sent.rights, at);
	else if (sent.rights)
		rights_free(sent.rights);
	return r;
}

/* Without ancillary data nothing is copied for it. */
i64 sys_sendmsg(u64 fd, u64 p, u64 flags)
{
	struct vec v[64];
	struct msghdr m;
	struct addr a;
	SOCK(fd);
	i64 r = message(p, &m, v);
	if (r)
		return r;
	/* A stream's address is of no use: sendmsg(2). */
	int named = m.name && s->type == SOCK_DGRAM;
	if (named && (r = address_in(s->domain, m.name, m.name_len, &a)))
		return r;
	if (!m.control || !m.control_len)
		return send_vec(f, s, v, m.iov_len, named ? &a : NULL, flags);
	return send_with(f, s, v, m.iov_len, named ? &a : NULL, flags, &m);
}

/* Descriptors are taken before the bytes, and put back if nothing came. */
i64 sys_recvmsg(u64 fd, u64 p, u64 flags)
{
	struct vec v[64];
	struct msghdr m;
	struct addr from;
	struct marks marks = { 0, 0 };
	SOCK(fd);
	i64 r = message(p, &m, v);
	if (r)
		return r;
	m.flags = 0;
	struct rights *got = rights_here(s) && !(flags & MSG_PEEK) ? rights_take(s) : NULL;
	r = recv_vec(f, s, v, m.iov_len, &from, &marks, flags, &m.flags);
	if (r < 0) {
		if (got)
			rights_post(s, got, 0);
		return r;
	}
	/* Without a buffer everything is cut, and MSG_CTRUNC says so. */
	struct control c = { m.control, m.control ? m.control_len : 0, 0, 0 };
	if (got)
		control_rights(&c, got, !!(flags & MSG_CMSG_CLOEXEC));
	if (s->domain == AF_INET6 && s->type == SOCK_DGRAM && s->options)
		control_marks(&c, s, marks);
	m.control_len = c.used, m.flags |= c.flags;
	u64 name = m.name;
	if (s->type == SOCK_STREAM)
		m.name_len = 0;
	/* Lengths and flags are told in the header itself. */
	if (to_user(p, &m, sizeof m))
		return -EFAULT;
	if (name && s->type != SOCK_STREAM && address_out(s->domain, &from, name, p + offsetof(struct msghdr, name_len)))
		return -EFAULT;
	return r;
}

/* struct mmsghdr: a message, and what became of it. */
struct mmsghdr {
	struct msghdr m;
	u32 len, pad;
};

/* Several messages: the first may block, later ones only add to what there is. */
static i64 several(i64 (*one)(u64, u64, u64), u64 fd, u64 p, u64 n, u64 flags)
{
	for (u64 i = 0; i < n; i++, p += sizeof(struct mmsghdr)) {
		i64 r = one(fd, p, i ? flags | MSG_DONTWAIT : flags);
		if (r < 0)
			return i ? (i64)i : r; /* sendmmsg(2): the error of a later message is lost */
		u32 len = r;
		if (to_user(p + offsetof(struct mmsghdr, len), &len, 4))
			return -EFAULT;
	}
	return n;
}

/* sendmmsg(2), recvmmsg(2). The time-out of the latter is not looked at: recvmmsg(2) calls it of
 * little use. */
i64 sys_sendmmsg(u64 fd, u64 p, u64 n, u64 flags) { return several(sys_sendmsg, fd, p, n, flags); }
i64 sys_recvmmsg(u64 fd, u64 p, u64 n, u64 flags) { return several(sys_recvmsg, fd, p, n, flags); }
