/*
 * sockopt.c: options of sockets (socket(7), ip(7), ipv6(7), tcp(7), udp(7)).
 *
 * Few of them change anything here; all of them read back as they would on Linux. A socket
 * remembers up to OPTIONS_MAX options in a list that is made when the first is set; what was never
 * set reads as its initial value.
 */
#include "base/state.h"
#include "mm/heap.h"
#include "net/sockfile.h"
#include "net/sockopt.h"

#define BUFFER_MIN 2304 /* sock(7): the least that SO_SNDBUF and SO_RCVBUF come to */

/* What an option is before it was set, where that is not 0 (ip(7), ipv6(7), tcp(7)). An option that
 * is not in this list is 0 until it is set. */
static const struct option initial[] = {
	{ SOL_SOCKET, SO_SNDBUF, { SOCK_BUFFER } },
	{ SOL_SOCKET, SO_RCVBUF, { SOCK_BUFFER } },
	{ SOL_SOCKET, SO_RCVLOWAT, { 1 } }, /* bytes */
	{ SOL_IP, IP_TTL, { DEFAULT_HOPS } },
	{ SOL_IP, IP_MULTICAST_TTL, { 1 } },
	{ SOL_IP, IP_MULTICAST_LOOP, { 1 } },
	{ SOL_IPV6, IPV6_UNICAST_HOPS, { DEFAULT_HOPS } },
	{ SOL_IPV6, IPV6_MULTICAST_HOPS, { 1 } },
	{ SOL_IPV6, IPV6_MULTICAST_LOOP, { 1 } },
	{ SOL_TCP, TCP_MAXSEG, { 536 } }, /* bytes: RFC 9293, 3.7.1, the default of IPv4 */
	{ SOL_TCP, TCP_KEEPIDLE, { 7200 } }, /* seconds: tcp(7), tcp_keepalive_time */
	{ SOL_TCP, TCP_KEEPINTVL, { 75 } }, /* seconds: tcp(7), tcp_keepalive_intvl */
	{ SOL_TCP, TCP_KEEPCNT, { 9 } }, /* probes: tcp(7), tcp_keepalive_probes */
	{ SOL_TCP, TCP_QUICKACK, { 1 } },
};

/* The entry of an option in a list; level 0 and name 0 find a free one. */
static const struct option *find(const struct option *list, u64 n, u64 level, u64 name)
{
	for (u64 i = 0; i < n; i++)
		if (list[i].name == name && list[i].level == level)
			return &list[i];
	return NULL;
}

/* What the socket remembers, else the initial value, else NULL: 0. */
static const struct option *option(const struct sock *s, u64 level, u64 name)
{
	const struct option *o = s->options ? find(s->options, OPTIONS_MAX, level, name) : NULL;
	return o ? o : find(initial, COUNT(initial), level, name);
}

/* For those options that something here goes by. */
i32 option_value(const struct sock *s, u64 level, u64 name)
{
	const struct option *o = option(s, level, name);
	return o ? o->value[0] : 0;
}

/* All places taken means -ENOBUFS: no program sets so many. */
static i64 remember(struct sock *s, u64 level, u64 name, const i32 value[2])
{
	if (!s->options && !(s->options = kalloc(OPTIONS_MAX * sizeof *s->options)))
		return -ENOBUFS;
	struct option *o = (struct option *)find(s->options, OPTIONS_MAX, level, name);
	if (!o)
		o = (struct option *)find(s->options, OPTIONS_MAX, 0, 0);
	if (!o)
		return -ENOBUFS;
	*o = (struct option){ level, name, { value[0], value[1] } };
	return 0;
}

/* struct timeval. Linux's sock_set_timeout: zeros are no time-out, and with a negative time a call
 * does not wait. */
static i64 set_timeout(u64 *timeout, u64 p, u64 len)
{
	i64 tv[2];
	if (len < sizeof tv)
		return -EINVAL;
	if (from_user(tv, p, sizeof tv))
		return -EFAULT;
	if (tv[1] < 0 || tv[1] >= (i64)(SEC / USEC))
		return -EDOM; /* the error of Linux's sock_set_timeout */
	*timeout = tv[0] < 0 ? 1 : MIN((u64)tv[0], SECONDS_MAX) * SEC + tv[1] * USEC;
	return 0;
}

/* Options that tell what the socket is. */
static int read_only(u64 level, u64 name)
{
	return level == SOL_SOCKET &&
		(name == SO_TYPE || name == SO_ERROR || name == SO_ACCEPTCONN || name == SO_PROTOCOL || name == SO_DOMAIN ||
			name == SO_PEERCRED);
}

/* 0, or the error that Linux has for options of a protocol that the socket does not speak. */
static i64 level_of(const struct sock *s, u64 level)
{
	switch (level) {
	case SOL_SOCKET: return 0;
	case SOL_TCP: return s->domain != AF_UNIX && s->type == SOCK_STREAM ? 0 : -EOPNOTSUPP;
	case SOL_UDP: return s->domain != AF_UNIX && s->type == SOCK_DGRAM ? 0 : -ENOPROTOOPT;
	case SOL_UDPLITE: return s->udplite ? 0 : -ENOPROTOOPT;
	case SOL_IP: return s->domain != AF_UNIX ? 0 : -EOPNOTSUPP;
	case SOL_IPV6: return s->domain == AF_INET6 ? 0 : -ENOPROTOOPT;
	case SOL_NETLINK: return s->domain == AF_NETLINK ? 0 : -ENOPROTOOPT;
	default: return -ENOPROTOOPT;
	}
}

/* socket(7): the kernel doubles what is asked for, to have room for its own books. */
static i32 buffer(i32 asked)
{
	return MAX(2 * MIN(MAX(asked, 0), SOCK_BUFFER / 2), BUFFER_MIN);
} /* socket(7): it is doubled */

/* setsockopt(2). The value is copied whole before anything changes. */
i64 sys_setsockopt(u64 fd, u64 level, u64 name, u64 p, u64 len)
{
	i32 v[2] = { 0 };
	SOCK(fd);
	i64 r = level_of(s, level);
	if (r)
		return r;
	/* Linux's sk_setsockopt has the same error for SO_TYPE, SO_ERROR, SO_DOMAIN and SO_PROTOCOL. */
	if (read_only(level, name))
		return -ENOPROTOOPT;
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return set_timeout(name == SO_RCVTIMEO ? &s->rcv_timeout : &s->snd_timeout, p, len);
	/* tcp(7): the value is a name, which the list of numbers cannot hold. No congestion control runs here. */
	if (level == SOL_TCP && name == TCP_CONGESTION)
		return 0;
	int byte = level == SOL_IP && len == 1; /* ip(7): an option of IP may be one byte */
	/* An option is an int; only IP takes a byte instead. */
	if ((i32)len < 0 || (len < 4 && !byte))
		return -EINVAL;
	if (from_user(v, p, MIN(len, sizeof v)))
		return -EFAULT;
	if (level == SOL_SOCKET && name == SO_LINGER) {
		if (len < sizeof v)
			return -EINVAL;
		/* socket(7): a linger of no time ends a connection with a reset. */
		s->abort = v[0] && !v[1] && s->domain != AF_UNIX;
	}
	if (level == SOL_SOCKET &&
		(name == SO_SNDBUF || name == SO_RCVBUF || name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE))
		v[0] = buffer(v[0]), name = name == SO_SNDBUFFORCE ? SO_SNDBUF : name == SO_RCVBUFFORCE ? SO_RCVBUF : name;
	/* A proxied stream's buffer is as large as the credit that the tender has. */
	if (level == SOL_SOCKET && name == SO_RCVBUF && !s->proxied)
		s->rx.max = MAX((u32)v[0], s->rx.len);
	if (level == SOL_IPV6 && name == IPV6_V6ONLY)
		s->v6only = v[0] = !!v[0];
	/* -1 means the default: ipv6(7). */
	if (level == SOL_IPV6 && (name == IPV6_UNICAST_HOPS || name == IPV6_TCLASS))
		*(name == IPV6_TCLASS ? &s->marks.tclass : &s->marks.hops) =
			v[0] < 0 ? (name == IPV6_TCLASS ? 0 : DEFAULT_HOPS) : v[0];
	return remember(s, level, name, v);
}

/* Cut to the length that the caller has room for; that length is told. */
static i64 give(u64 p, u64 len_p, u32 len, const void *value, u32 size)
{
	len = MIN(len, size);
	return to_user(p, value, len) || to_user(len_p, &len, 4) ? -EFAULT : 0;
}

/* struct timeval. */
static i64 give_timeout(u64 timeout, u64 p, u64 len_p, u32 len)
{
	u64 tv[2] = { timeout / SEC, timeout % SEC / USEC };
	return give(p, len_p, len, tv, sizeof tv);
}

/* Those of SOL_SOCKET that say how the socket is; 1: it is none of them. Options that are facts of
 * the socket. SO_ERROR is told once. */
static i64 state_of(struct sock *s, u64 name, i32 *v)
{
	int inet = s->domain == AF_INET || s->domain == AF_INET6;
	switch (name) {
	case SO_TYPE: *v = s->type; return 0;
	case SO_ERROR: *v = s->error, s->error = 0; return 0;
	case SO_ACCEPTCONN: *v = s->state == LISTENING; return 0;
	case SO_PROTOCOL:
		*v = !inet ? 0 : s->type == SOCK_STREAM ? IPPROTO_TCP : s->udplite ? IPPROTO_UDPLITE : IPPROTO_UDP;
		return 0;
	case SO_DOMAIN: *v = s->domain; return 0;
	default: return 1;
	}
}

/* struct tcp_info of <linux/tcp.h>: the state alone, in its first byte. Programs that ask look at
 * the state: is the connection still there? */
static i64 give_tcp_info(const struct sock *s, u64 p, u64 len_p, u32 len)
{
	/* include/net/tcp_states.h */
	enum { ESTABLISHED = 1, SYN_SENT = 2, CLOSE = 7, CLOSE_WAIT = 8, LISTEN = 10 };
	/* 104 bytes reach to tcpi_total_retrans: the part of the structure that Linux has had since 2.6. */
	u8 info[104] = { s->state == CONNECTED ? (s->eof ? CLOSE_WAIT : ESTABLISHED)
			: s->state == CONNECTING	   ? SYN_SENT
			: s->state == LISTENING		   ? LISTEN
										   : CLOSE };
	return give(p, len_p, len, info, sizeof info);
}

/* getsockopt(2) */
i64 sys_getsockopt(u64 fd, u64 level, u64 name, u64 p, u64 len_p)
{
	u32 len;
	i32 v[2] = { 0 };
	SOCK(fd);
	if (from_user(&len, len_p, 4))
		return -EFAULT;
	if ((i32)len < 0)
		return -EINVAL;
	i64 r = level_of(s, level);
	if (r)
		return r;
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return give_timeout(name == SO_RCVTIMEO ? s->rcv_timeout : s->snd_timeout, p, len_p, len);
	/* unix(7): the peer is the same process, root. */
	if (level == SOL_SOCKET && name == SO_PEERCRED) {
		u32 cred[3] = { HOST->pid, 0, 0 };
		return give(p, len_p, len, cred, sizeof cred);
	}
	if (level == SOL_TCP && name == TCP_INFO)
		return give_tcp_info(s, p, len_p, len);
	/* The kernel's TCP_CA_NAME_MAX is 16 bytes, and cubic its usual default. */
	if (level == SOL_TCP && name == TCP_CONGESTION)
		return give(p, len_p, len, "cubic\0\0\0\0\0\0\0\0\0\0", 16);
	if (level == SOL_SOCKET && !state_of(s, name, v))
		return give(p, len_p, len, v, 4);
	const struct option *o = option(s, level, name);
	if (o)
		memcpy(v, o->value, sizeof v);
	/* struct linger of socket(7) has two ints; every other option that gets here is one. */
	return give(p, len_p, len, v, level == SOL_SOCKET && name == SO_LINGER ? 8 : 4);
}
