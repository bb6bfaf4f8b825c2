/*
 * connect.c: connect(2).
 *
 * A connection inside the guest is made at once: the peer lies in the listener's backlog. One to
 * the world is a message to the tender; the call waits for its answer, or says EINPROGRESS.
 */
#include "base/state.h"
#include "channel/channel.h"
#include "net/net.h"
#include "net/socket.h"
#include "net/sockfile.h"

/* A datagram socket has the address that a route to its peer starts from; resolvers sort names by
 * it. */
static i64 connect_datagrams(struct sock *s, const struct addr *to)
{
	s->remote = *to;
	s->state = CONNECTED;
	/* There is only one peer, the kernel. */
	if (s->domain == AF_NETLINK)
		return 0;
	if (s->domain != AF_UNIX && (is_any(&s->local) || s->routed)) {
		s->routed = 1;
		sock_route(s, to);
	}
	return sock_autobind(s);
}

/* AF_UNSPEC: the socket hears from everybody again, and forgets the address that the route gave it. */
static i64 disconnect_datagrams(struct sock *s)
{
	s->state = NEW;
	if (s->routed) {
		memset(s->local.ip, 0, sizeof s->local.ip);
		if (s->domain == AF_INET)
			memcpy(s->local.ip, v4_mapped, sizeof v4_mapped);
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

/* A call that waits is tried again from its start: the socket's state says how far it has come. */
i64 sys_connect(u64 fd, u64 p, u64 len)
{
	struct addr a;
	SOCK(fd);
	i64 r = address_in(s->domain, p, len, &a);
	if (r == -EINVAL && s->type == SOCK_DGRAM)
		return disconnect_datagrams(s); /* AF_UNSPEC */
	if (r)
		return r;
	if (s->type == SOCK_DGRAM)
		return connect_datagrams(s, &a);
	/* What became of a connection that was begun is told once, here or by SO_ERROR. */
	if (s->error) {
		r = -s->error;
		s->error = 0;
		return r;
	}
	if (s->state == CONNECTED)
		/* A call that waited finds the connection made. */
		return SELF->retrying || begun(s) ? 0 : -EISCONN;
	if (s->state == LISTENING)
		return -EINVAL;
	if (s->state == CONNECTING) {
		if (!SELF->retrying)
			return -EALREADY;
	} else {
		/* Loopback where nothing of the guest listens may still be the host's, if the platform
		 * lists it. */
		r = s->domain == AF_UNIX || is_loopback(&a) ? sock_connect_local(s, &a) : -ECONNREFUSED;
		if (!r && s->domain != AF_UNIX && f->flags & O_NONBLOCK) {
			s->begun = 1; /* as where the answer to a SYN is still to come, although it is here */
			return -EINPROGRESS;
		}
		if (s->domain == AF_UNIX || r != -ECONNREFUSED)
			return r == -EAGAIN ? file_wait(f, 1) : r;
		/* The channel is full of messages about connections: a further one waits here, not in
		 * memory. */
		if (host_backlog())
			return block(FOREVER);
		net_connect(s, &a);
	}
	if (f->flags & O_NONBLOCK)
		return -EINPROGRESS;
	return file_wait(f, 1);
}
