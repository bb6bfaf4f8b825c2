/* sockcalls.c: the system calls that make, name, connect and configure sockets. Messages are in sockmsg.c. */
#include "net/socket.h"
#include "fs/tmpfs.h"

#define SOCK_NONBLOCK 04000
#define SOCK_CLOEXEC 02000000

i64 sock_get(u64 fd, struct sock **s, struct file **f)
{
	*f = fd_file(fd);
	if (!*f)
		return -EBADF;
	if ((*f)->kind != K_SOCKET)
		return -ENOTSOCK;
	*s = (*f)->obj;
	return 0;
}

i64 sock_wait(struct file *f, int flags, u64 timeout)
{
	if (flags & MSG_DONTWAIT || f->flags & O_NONBLOCK)
		return -EAGAIN;
	i64 r = block(timeout ? timeout : FOREVER);
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* ---- Addresses ---- */

static u16 swap(u16 v) { return v << 8 | v >> 8; }

i64 address_in(int domain, u64 p, u64 len, struct addr *a)
{
	u8 raw[128] = { 0 };
	memset(a, 0, sizeof *a);
	if (len < 2 || len > sizeof raw)
		return -EINVAL;
	if (from_user(raw, p, len))
		return -EFAULT;
	u16 family = *(u16 *)raw;
	if (family != domain && !(family == AF_INET && domain == AF_INET6))
		return family ? -EAFNOSUPPORT : -EINVAL;
	a->port = swap(*(u16 *)(raw + 2));
	if (family == AF_NETLINK)
		return len < 12 ? -EINVAL : 0;
	if (family == AF_UNIX) {
		if (len > 2 + sizeof a->path)
			return -EINVAL;
		a->port = 0;
		a->path_len = len - 2;
		memcpy(a->path, raw + 2, len - 2);
		if (a->path_len && a->path[0]) /* a name ends at its first NUL */
			for (u32 i = 0; i < a->path_len; i++)
				if (!a->path[i])
					a->path_len = i;
	} else if (family == AF_INET) {
		if (len < 8)
			return -EINVAL;
		a->ip[10] = a->ip[11] = 0xff;
		memcpy(a->ip + 12, raw + 4, 4);
	} else {
		if (len < 24)
			return -EINVAL;
		memcpy(a->ip, raw + 8, 16);
	}
	return 0;
}

i64 address_out(int domain, const struct addr *a, u64 p, u64 len_p)
{
	u8 raw[112] = { 0 };
	u32 n, cap;
	if (!p)
		return 0;
	if (from_user(&cap, len_p, 4))
		return -EFAULT;
	*(u16 *)raw = domain;
	if (domain == AF_UNIX) {
		n = 2 + a->path_len + (a->path_len && a->path[0]);
		memcpy(raw + 2, a->path, a->path_len);
	} else if (domain == AF_NETLINK) {
		n = 12;
		memcpy(raw + 4, a->ip, 4); /* the port's number, 0 for the kernel's */
	} else {
		*(u16 *)(raw + 2) = swap(a->port);
		n = domain == AF_INET ? 16 : 28;
		memcpy(raw + (domain == AF_INET ? 4 : 8), domain == AF_INET ? a->ip + 12 : a->ip, domain == AF_INET ? 4 : 16);
	}
	return to_user(p, raw, MIN(n, cap)) || to_user(len_p, &n, 4) ? -EFAULT : 0;
}

/* ---- Making and naming ---- */

/* NETLINK_ROUTE (interfaces.c) is all there is. Its port is the process's number, before a bind too. */
static i64 netlink_socket(int kind, u64 type, u64 protocol)
{
	if (kind != RAW && kind != DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	struct sock *s = sock_new(AF_NETLINK, DGRAM);
	if (!s)
		return -ENOBUFS;
	memcpy(s->local.ip, &HOST->pid, 4);
	return fd_new(K_SOCKET, O_RDWR | (type & SOCK_NONBLOCK), s, !!(type & SOCK_CLOEXEC));
}

i64 sys_socket(u64 domain, u64 type, u64 protocol)
{
	int kind = type & 15;
	if (domain == AF_NETLINK)
		return netlink_socket(kind, type, protocol);
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (kind == RAW)
		return -EPERM; /* raw sockets, as without CAP_NET_RAW */
	if (kind != STREAM && kind != DGRAM && !(kind == SEQPACKET && domain == AF_UNIX))
		return -ESOCKTNOSUPPORT;
	int udplite = domain != AF_UNIX && kind == DGRAM && protocol == SOL_UDPLITE;
	if (domain != AF_UNIX && protocol && protocol != (kind == STREAM ? 6u : 17u) && !udplite)
		return kind == DGRAM && protocol == 1 ? -EACCES : -EPROTONOSUPPORT;
	struct sock *s = sock_new(domain, kind);
	if (!s)
		return -ENOBUFS;
	s->udplite = udplite;
	s->marks.hops = 64;
	if (domain == AF_INET)
		s->local.ip[10] = s->local.ip[11] = 0xff;
	return fd_new(K_SOCKET, O_RDWR | (type & SOCK_NONBLOCK), s, !!(type & SOCK_CLOEXEC));
}

i64 sys_socketpair(u64 domain, u64 type, u64 protocol, u64 out)
{
	i32 fd[2];
	if (domain != AF_UNIX)
		return -EOPNOTSUPP;
	i64 a = sys_socket(domain, type, protocol), b;
	if (a < 0)
		return a;
	b = sys_socket(domain, type, protocol);
	if (b < 0) {
		fd_close(a);
		return b;
	}
	sock_pair(fd_file(a)->obj, fd_file(b)->obj);
	fd[0] = a, fd[1] = b;
	return to_user(out, fd, 8);
}

/* unix(7): bound without a name, a socket gets one of the abstract namespace: a NUL and five hexadecimal digits. */
static void name_abstract(const struct sock *s, struct addr *a)
{
	struct text t = { a->path + 1, 0, 5 };
	do {
		t.n = 0;
		put_xw(&t, S->next_conn++ & 0xfffff, 5);
		a->path_len = 6;
	} while (sock_bound(AF_UNIX, s->type, a));
}

i64 sys_bind(u64 fd, u64 p, u64 len)
{
	struct addr a;
	SOCK(fd);
	i64 r = address_in(s->domain, p, len, &a);
	if (r)
		return r;
	if (s->domain == AF_NETLINK)
		return 0;
	if (s->bound)
		return -EINVAL;
	if (s->domain == AF_UNIX) {
		if (!a.path_len)
			name_abstract(s, &a);
		if (a.path_len && a.path[0]) {
			char path[109] = { 0 };
			memcpy(path, a.path, a.path_len);
			r = tmp_mksock(path);
			if (r)
				return r == -EEXIST ? -EADDRINUSE : r;
		} else if (sock_bound(s->domain, s->type, &a)) {
			return -EADDRINUSE;
		}
	} else {
		if (!is_loopback(&a))
			return -EADDRNOTAVAIL;
		if (a.port && sock_bound(s->domain, s->type, &a))
			return -EADDRINUSE;
	}
	s->local = a;
	if (!a.port && s->domain != AF_UNIX)
		return sock_autobind(s);
	s->bound = 1;
	return 0;
}

i64 sys_listen(u64 fd, u64 n)
{
	SOCK(fd);
	if (s->type == DGRAM)
		return -EOPNOTSUPP;
	if (s->state != NEW && s->state != LISTENING)
		return -EINVAL;
	i64 r = sock_autobind(s);
	if (r)
		return r;
	if (!s->backlog && !(s->backlog = kalloc(BACKLOG_MAX * sizeof *s->backlog)))
		return -ENOBUFS;
	s->backlog_max = MAX(1, MIN((u32)n, BACKLOG_MAX));
	s->state = LISTENING;
	return 0;
}

i64 sys_accept4(u64 fd, u64 p, u64 len, u64 flags)
{
	SOCK(fd);
	if (s->state != LISTENING)
		return -EINVAL;
	if (!s->pending)
		return sock_wait(f, 0, s->rcv_timeout);
	struct sock *b = s->backlog[0];
	memmove(s->backlog, s->backlog + 1, --s->pending * sizeof *s->backlog);
	changed();
	i64 r = address_out(b->domain, &b->remote, p, len);
	if (r)
		return r;
	return fd_new(K_SOCKET, O_RDWR | (flags & SOCK_NONBLOCK), b, !!(flags & SOCK_CLOEXEC));
}

i64 sys_accept(u64 fd, u64 p, u64 len) { return sys_accept4(fd, p, len, 0); }

/* A datagram socket has the address that a route to its peer starts from; resolvers sort names by it. */
static i64 connect_datagrams(struct sock *s, const struct addr *to)
{
	s->remote = *to;
	s->state = CONNECTED;
	if (s->domain == AF_NETLINK)
		return 0;
	if (s->domain != AF_UNIX && (is_any(&s->local) || s->routed)) {
		s->routed = 1;
		sock_route(s, to);
	}
	return sock_autobind(s);
}

static i64 disconnect_datagrams(struct sock *s)
{
	s->state = NEW;
	if (s->routed) {
		memset(s->local.ip, 0, sizeof s->local.ip);
		if (s->domain == AF_INET)
			s->local.ip[10] = s->local.ip[11] = 0xff;
		s->routed = 0;
	}
	return 0;
}

/* The connect after the one that said EINPROGRESS says how that went, once. */
static int begun(struct sock *s)
{
	int was = s->begun;
	s->begun = 0;
	return was;
}

i64 sys_connect(u64 fd, u64 p, u64 len)
{
	struct addr a;
	SOCK(fd);
	i64 r = address_in(s->domain, p, len, &a);
	if (r == -EINVAL && s->type == DGRAM)
		return disconnect_datagrams(s); /* AF_UNSPEC */
	if (r)
		return r;
	if (s->type == DGRAM)
		return connect_datagrams(s, &a);
	if (s->error) {
		r = -s->error;
		s->error = 0;
		return r;
	}
	if (s->state == CONNECTED)
		return SELF->retrying || begun(s) ? 0 : -EISCONN;
	if (s->state == LISTENING)
		return -EINVAL;
	if (s->state == CONNECTING) {
		if (!SELF->retrying)
			return -EALREADY;
	} else {
		/* Loopback where nothing of the guest listens may still be the host's, if the platform lists it. */
		r = s->domain == AF_UNIX || is_loopback(&a) ? sock_connect_local(s, &a) : -ECONNREFUSED;
		if (!r && s->domain != AF_UNIX && f->flags & O_NONBLOCK) {
			s->begun = 1; /* as where the answer to a SYN is still to come, although it is here */
			return -EINPROGRESS;
		}
		if (s->domain == AF_UNIX || r != -ECONNREFUSED)
			return r == -EAGAIN ? sock_wait(f, 0, s->snd_timeout) : r;
		if (host_backlog())
			return block(FOREVER);
		net_connect(s, &a);
	}
	if (f->flags & O_NONBLOCK)
		return -EINPROGRESS;
	return sock_wait(f, 0, s->snd_timeout);
}

i64 sys_getsockname(u64 fd, u64 p, u64 len)
{
	SOCK(fd);
	return address_out(s->domain, &s->local, p, len);
}

i64 sys_getpeername(u64 fd, u64 p, u64 len)
{
	SOCK(fd);
	if (s->state != CONNECTED)
		return -ENOTCONN;
	return address_out(s->domain, &s->remote, p, len);
}

i64 sys_shutdown(u64 fd, u64 how)
{
	SOCK(fd);
	if (s->state != CONNECTED)
		return -ENOTCONN;
	if (how != 0 && !s->shut) {
		s->shut = 1;
		if (s->peer)
			s->peer->eof = 1, s->peer->seq++;
		else if (s->proxied && s->type == STREAM)
			net_shut(s);
	}
	if (how != 1)
		s->eof = 2;
	changed();
	return 0;
}
