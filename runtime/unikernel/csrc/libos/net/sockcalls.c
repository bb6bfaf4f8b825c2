/*
 * sockcalls.c: the system calls that make and name sockets: socket(2), socketpair(2), bind(2),
 * listen(2), accept(2), getsockname(2), shutdown(2). Messages are in sockmsg.c, options in
 * sockopt.c, connections that begin here in connect.c.
 *
 * A guest has stream and datagram sockets of IPv4 and IPv6, all kinds of unix sockets, and the one
 * netlink protocol that lists interfaces. It can listen on its own addresses alone: nothing comes
 * in from outside of the UC, so a listener is for threads of the same program. Raw sockets need a
 * right that nobody has here.
 */
#include "base/state.h"
#include "fs/dirs.h"
#include "mm/heap.h"
#include "net/net.h"
#include "net/socket.h"
#include "net/sockfile.h"

/* ---- Making and naming ---- */

/* NETLINK_ROUTE (interfaces.c) is all there is. Its port is the process's number, before a bind
 * too. The peer is the kernel, which answers at once. */
static i64 netlink_socket(int kind, u64 type, u64 protocol)
{
	if (kind != SOCK_RAW && kind != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	/* <linux/netlink.h>: NETLINK_ROUTE is 0. */
	if (protocol)
		return -EPROTONOSUPPORT;
	struct sock *s = sock_new(AF_NETLINK, SOCK_DGRAM);
	if (!s)
		return -ENOBUFS;
	memcpy(s->local.ip, &HOST->pid, 4);
	return fd_new(&socket_ops, O_RDWR | (type & SOCK_NONBLOCK), s, !!(type & SOCK_CLOEXEC));
}

/* socket(2). A protocol of 0 is the type's usual one. */
i64 sys_socket(u64 domain, u64 type, u64 protocol)
{
	int kind = type & SOCK_TYPE_MASK;
	if (domain == AF_NETLINK)
		return netlink_socket(kind, type, protocol);
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (kind == SOCK_RAW)
		return -EPERM; /* raw sockets, as without CAP_NET_RAW */
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && !(kind == SOCK_SEQPACKET && domain == AF_UNIX))
		return -ESOCKTNOSUPPORT;
	int udplite = domain != AF_UNIX && kind == SOCK_DGRAM && protocol == IPPROTO_UDPLITE;
	/* ICMP needs a group that may ping: EACCES; a protocol that there is not is another error. */
	if (domain != AF_UNIX && protocol && protocol != (kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP) && !udplite)
		return kind == SOCK_DGRAM && protocol == IPPROTO_ICMP ? -EACCES : -EPROTONOSUPPORT;
	struct sock *s = sock_new(domain, kind);
	if (!s)
		return -ENOBUFS;
	/* UDP-Lite differs from UDP by its number alone: there are no checksums here. */
	s->udplite = udplite;
	s->marks.hops = DEFAULT_HOPS;
	if (domain == AF_INET)
		/* Unspecified, but IPv4: ::ffff:0.0.0.0. */
		memcpy(s->local.ip, v4_mapped, sizeof v4_mapped);
	return fd_new(&socket_ops, O_RDWR | (type & SOCK_NONBLOCK), s, !!(type & SOCK_CLOEXEC));
}

/* socketpair(2) */
i64 sys_socketpair(u64 domain, u64 type, u64 protocol, u64 out)
{
	/* socketpair(2): of the domains here, unix sockets alone come in pairs. */
	if (domain != AF_UNIX)
		return -EOPNOTSUPP;
	/* Each with a descriptor of its own; sock_pair then needs no second look. */
	i64 a = sys_socket(domain, type, protocol), b;
	if (a < 0)
		return a;
	b = sys_socket(domain, type, protocol);
	if (b < 0) {
		fd_close(a);
		return b;
	}
	sock_pair(fd_file(a)->obj, fd_file(b)->obj);
	return fd_pair(a, b, out);
}

/* unix(7): bound without a name, a socket gets one of the abstract namespace: a NUL and five
 * hexadecimal digits. unix(7), autobind. The count goes on, so that a name is not used again at
 * once. */
static void name_abstract(const struct sock *s, struct addr *a)
{
	struct text t = { a->path + 1, 0, 5 };
	do {
		t.n = 0;
		put_xw(&t, S->next_conn++ & 0xfffff, 5);
		a->path_len = 6;
	} while (sock_bound(AF_UNIX, s->type, a));
}

/* bind(2). Inside the guest every port is free to whoever comes first; outside there is nothing to
 * bind to but the guest's own addresses. */
i64 sys_bind(u64 fd, u64 p, u64 len)
{
	struct addr a;
	SOCK(fd);
	i64 r = address_in(s->domain, p, len, &a);
	if (r)
		return r;
	if (s->domain == AF_NETLINK)
		return 0;
	/* bind(2): EINVAL for a socket that has an address. */
	if (s->bound)
		return -EINVAL;
	if (s->domain == AF_UNIX) {
		if (!a.path_len)
			name_abstract(s, &a);
		if (a.path_len && a.path[0]) {
			/* unix(7): sun_path has 108 bytes, which need not end with a zero. */
			char path[109] = { 0 };
			memcpy(path, a.path, a.path_len);
			/* The file is the claim to the name: it stays until somebody removes it. */
			r = make_socket(path);
			if (r)
				return r == -EEXIST ? -EADDRINUSE : r;
		} else if (sock_bound(s->domain, s->type, &a)) {
			return -EADDRINUSE;
		}
	} else {
		/* bind(2): no interface has that address. */
		if (!is_loopback(&a))
			return -EADDRNOTAVAIL;
		if (a.port && sock_bound(s->domain, s->type, &a))
			return -EADDRINUSE;
	}
	s->local = a;
	/* Port 0 asks for any free one: ip(7). */
	if (!a.port && s->domain != AF_UNIX)
		return sock_autobind(s);
	s->bound = 1;
	return 0;
}

/* listen(2). A socket without an address gets one, as on Linux. */
i64 sys_listen(u64 fd, u64 n)
{
	SOCK(fd);
	/* listen(2), EOPNOTSUPP: a datagram socket has no connections. */
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	/* A second listen changes the length of the queue. */
	if (s->state != NEW && s->state != LISTENING)
		return -EINVAL;
	i64 r = sock_autobind(s);
	if (r)
		return r;
	if (!s->backlog && !(s->backlog = kalloc(SOMAXCONN * sizeof *s->backlog)))
		return -ENOBUFS;
	/* listen(2): at least one, whatever the number says. */
	s->backlog_max = MAX(1, MIN((u32)n, SOMAXCONN));
	s->state = LISTENING;
	return 0;
}

/* accept4(2). The connection exists since connect; here it gets a number. */
i64 sys_accept4(u64 fd, u64 p, u64 len, u64 flags)
{
	SOCK(fd);
	if (s->state != LISTENING)
		return -EINVAL;
	if (!s->pending)
		return file_wait(f, 0); /* socket(7): SO_RCVTIMEO bounds accept too */
	struct sock *b = s->backlog[0];
	/* A queue: who came first is accepted first. */
	memmove(s->backlog, s->backlog + 1, --s->pending * sizeof *s->backlog);
	changed();
	i64 r = address_out(b->domain, &b->remote, p, len);
	if (r) {
		sock_close(b); /* as on Linux: nobody could ever close it */
		return r;
	}
	return fd_new(&socket_ops, O_RDWR | (flags & SOCK_NONBLOCK), b, !!(flags & SOCK_CLOEXEC));
}

i64 sys_accept(u64 fd, u64 p, u64 len) { return sys_accept4(fd, p, len, 0); }

/* getsockname(2): a socket that is not bound has the unspecified address of its family. */
i64 sys_getsockname(u64 fd, u64 p, u64 len)
{
	SOCK(fd);
	return address_out(s->domain, &s->local, p, len);
}

/* getpeername(2): of a connected socket alone. */
i64 sys_getpeername(u64 fd, u64 p, u64 len)
{
	SOCK(fd);
	if (s->state != CONNECTED)
		return -ENOTCONN;
	return address_out(s->domain, &s->remote, p, len);
}

/* shutdown(2). The peer learns of it by the end of its stream. */
i64 sys_shutdown(u64 fd, u64 how)
{
	SOCK(fd);
	if (s->state != CONNECTED)
		return -ENOTCONN;
	if (how != SHUT_RD && !s->shut) {
		s->shut = 1;
		if (s->peer)
			s->peer->eof = 1, s->peer->seq++;
		else if (s->proxied && s->type == SOCK_STREAM)
			net_shut(s);
	}
	if (how != SHUT_WR)
		s->eof = EOF_BY_READER; /* the peer's socket_write sees that nobody reads */
	changed();
	return 0;
}
