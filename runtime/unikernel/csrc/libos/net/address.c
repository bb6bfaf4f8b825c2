/*
 * address.c: addresses of sockets: kinds of them, and struct sockaddr of the guest: ip(7), ipv6(7),
 * unix(7), netlink(7).
 *
 * IPv4 addresses are kept in their IPv6 form, so that one comparison serves both, and so that an
 * IPv6 socket can talk to an IPv4 one without more. Lengths and families are the guest's words:
 * they are checked against the buffer before a field is read.
 */
#include "base/state.h"
#include "net/address.h"

const u8 v4_mapped[12] = { [10] = 0xff, 0xff };
static const u8 zeros[16];

/* An IPv4 address in its IPv6 form. */
int is_v4(const struct addr *a) { return !memcmp(a->ip, v4_mapped, 12); }

/* 0.0.0.0 or ::. */
int is_any(const struct addr *a) { return !memcmp(a->ip, zeros, 16) || (is_v4(a) && !memcmp(a->ip + 12, zeros, 4)); }

/* 127.0.0.0/8, ::1, and the guest's own address: what is sent there stays in the guest. */
int is_loopback(const struct addr *a)
{
	static const u8 one[16] = { [15] = 1 }, own[4] = OWN_IPV4;
	return is_any(a) || !memcmp(a->ip, one, 16) || (is_v4(a) && (a->ip[12] == 127 || !memcmp(a->ip + 12, own, 4)));
}

/* Ports are in network byte order in struct sockaddr. */
static u16 swap(u16 v) { return v << 8 | v >> 8; }

/* The address that a call was given. AF_UNSPEC, which disconnects a datagram socket, is -EINVAL:
 * connect looks for it. */
i64 address_in(int domain, u64 p, u64 len, struct addr *a)
{
	u8 raw[128] = { 0 };
	memset(a, 0, sizeof *a);
	if (len < 2 || len > sizeof raw)
		return -EINVAL;
	if (from_user(raw, p, len))
		return -EFAULT;
	/* sa_family comes first in every struct sockaddr. */
	u16 family = *(u16 *)raw;
	/* An IPv6 socket may be given an IPv4 address, as some resolvers do. */
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
		/* An abstract name begins with a zero byte and may have more of them: unix(7). */
		if (a->path_len && a->path[0]) /* a name ends at its first NUL */
			for (u32 i = 0; i < a->path_len; i++)
				if (!a->path[i])
					a->path_len = i;
	} else if (family == AF_INET) {
		if (len < 8)
			return -EINVAL;
		memcpy(a->ip, v4_mapped, sizeof v4_mapped);
		memcpy(a->ip + 12, raw + 4, 4);
	} else {
		/* struct sockaddr_in6 before it had a scope: RFC 2133. */
		if (len < 24)
			return -EINVAL;
		memcpy(a->ip, raw + 8, 16);
	}
	return 0;
}

/* The length that is told is that of the whole address, even if the buffer took less of it. */
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
