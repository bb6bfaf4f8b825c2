/* address.h: addresses of sockets. */
#ifndef ADDRESS_H
#define ADDRESS_H
#include "base/libos.h"

#define OWN_IPV4 \
	{ \
		10, 0, 2, 15 \
	} /* what the guest believes its own address is */
#define UNIX_PATH_MAX 108 /* sun_path: unix(7) */

/* IPv4 addresses are kept in their IPv6 form ::ffff:a.b.c.d; unix names in path; of netlink
 * nothing: there is only the kernel. */
struct addr {
	u8 ip[16];
	u16 port;
	u16 path_len;
	char path[UNIX_PATH_MAX];
};

extern const u8 v4_mapped[12]; /* in front of an IPv4 address */
int is_v4(const struct addr *a); /* ::ffff:a.b.c.d */
int is_any(const struct addr *a); /* unspecified */
int is_loopback(const struct addr *a); /* or unspecified, which means the same to connect; or the guest's own */
i64 address_in(int domain, u64 p, u64 len, struct addr *a); /* from struct sockaddr; 0 or -errno */
i64 address_out(int domain, const struct addr *a, u64 p, u64 len_p); /* p 0: nobody asks */
#endif
