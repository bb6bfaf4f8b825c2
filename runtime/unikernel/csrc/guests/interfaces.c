/* The network interfaces that a guest sees: getifaddrs, if_nameindex, getaddrinfo with AI_ADDRCONFIG,
 * rtnetlink itself. */
#include "check.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

static void listed(void)
{
	struct ifaddrs *all;
	int four = 0, six = 0, links = 0;
	char b[64];
	CHECK(getifaddrs(&all) == 0);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		CHECK(i->ifa_addr && i->ifa_flags & IFF_UP && i->ifa_flags & IFF_RUNNING);
		int lo = !strcmp(i->ifa_name, "lo");
		CHECK(lo == !!(i->ifa_flags & IFF_LOOPBACK) && (lo || !strcmp(i->ifa_name, "eth0")));
		switch (i->ifa_addr->sa_family) {
		case AF_INET:
			inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, b, sizeof b);
			CHECK(!strcmp(b, lo ? "127.0.0.1" : "10.0.2.15") && ++four);
			inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_netmask)->sin_addr, b, sizeof b);
			CHECK(!strcmp(b, lo ? "255.0.0.0" : "255.255.255.0"));
			break;
		case AF_INET6:
			inet_ntop(AF_INET6, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, b, sizeof b);
			CHECK(!strcmp(b, lo ? "::1" : "fd00::a00:20f") && ++six);
			break;
		case AF_PACKET: {
			struct sockaddr_ll *l = (void *)i->ifa_addr;
			CHECK(l->sll_halen == 6 && l->sll_addr[0] == (lo ? 0 : 2) && l->sll_ifindex == (lo ? 1 : 2) && ++links);
		}
		}
	}
	CHECK(four == 2 && six == 2 && links == 2);
	freeifaddrs(all);
	struct if_nameindex *n = if_nameindex();
	CHECK(n && n[0].if_index == 1 && !strcmp(n[0].if_name, "lo") && !strcmp(n[1].if_name, "eth0") && !n[2].if_index);
	CHECK(if_nametoindex("eth0") == 2 && if_nametoindex("none") == 0 && errno == ENODEV);
	CHECK(!strcmp(if_indextoname(1, b), "lo") && !if_indextoname(7, b) && errno == ENXIO);
}

static void named(void)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
	for (int i = 0; i < 3; i++) {
		struct addrinfo *r,
			hints = {
				.ai_flags = AI_ADDRCONFIG | AI_NUMERICHOST, .ai_family = families[i], .ai_socktype = SOCK_STREAM
			};
		CHECK(getaddrinfo(families[i] == AF_INET6 ? "2001:db8::1" : "192.0.2.1", "80", &hints, &r) == 0 && r);
		freeaddrinfo(r);
	}
}

/* Sends one request, and returns the type and the error of the first message that answers it. */
static int ask(int type, int flags, int *error)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
		char pad[3];
	} q = { { sizeof q, type, NLM_F_REQUEST | flags, 7, 0 }, { AF_INET } };
	struct sockaddr_nl kernel = { AF_NETLINK }, from = { .nl_pid = 99 };
	char b[4096];
	struct iovec v = { b, sizeof b };
	struct msghdr m = { &from, sizeof from, &v, 1 };
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	socklen_t len = sizeof from;
	CHECK(s >= 0 && bind(s, (void *)&kernel, sizeof kernel) == 0 && getsockname(s, (void *)&from, &len) == 0 &&
		from.nl_pid);
	CHECK(sendto(s, &q, sizeof q, 0, (void *)&kernel, sizeof kernel) == sizeof q);
	ssize_t n = recvmsg(s, &m, 0);
	struct nlmsghdr *h = (void *)b;
	CHECK(n > (ssize_t)sizeof *h && !(m.msg_flags & MSG_TRUNC) && from.nl_family == AF_NETLINK && from.nl_pid == 0 &&
		h->nlmsg_seq == 7);
	*error = h->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(h))->error : 0;
	close(s);
	return h->nlmsg_type;
}

int main(void)
{
	int e;
	listed();
	named();
	CHECK(ask(RTM_GETLINK, NLM_F_DUMP, &e) == RTM_NEWLINK && ask(RTM_GETADDR, NLM_F_DUMP, &e) == RTM_NEWADDR);
	CHECK(ask(RTM_DELLINK, 0, &e) == NLMSG_ERROR && e == -EOPNOTSUPP);
	FAILS(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), EPROTONOSUPPORT);
	FAILS(socket(AF_NETLINK, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
	/* A server may listen on the guest's own address. */
	struct sockaddr_in own = { .sin_family = AF_INET };
	socklen_t len = sizeof own;
	inet_aton("10.0.2.15", &own.sin_addr);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(l, (void *)&own, sizeof own) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&own, &len) == 0);
	CHECK(connect(c, (void *)&own, sizeof own) == 0 && accept(l, NULL, NULL) >= 0);
	inet_aton("10.0.2.16", &own.sin_addr);
	own.sin_port = 0;
	FAILS(bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&own, sizeof own), EADDRNOTAVAIL);
	DONE();
}
