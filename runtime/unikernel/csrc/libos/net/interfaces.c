/*
 * interfaces.c: the network interfaces that the guest believes it has, as rtnetlink(7) lists them:
 * getifaddrs and if_nameindex ask this way, and getaddrinfo with AI_ADDRCONFIG, which wants an
 * address besides loopback's of each family that it is to look up. There is nothing behind them:
 * connections are messages (net.c).
 */
#include "base/state.h"
#include "net/interfaces.h"

struct interface {
	char name[8];
	u32 flags, mtu; /* IFF_*; bytes */
	u16 type; /* ARPHRD_LOOPBACK, ARPHRD_ETHER */
	u8 scope, prefix4, prefix6; /* RT_SCOPE_*; bits */
	u8 ip4[4], ip6[16]; /* in network order */
};

static const struct interface interfaces[] = {
	{ "lo", IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP, 65536, ARPHRD_LOOPBACK, RT_SCOPE_HOST, 8, 128,
		{ 127, 0, 0, 1 }, { [15] = 1 } },
	/* fd00::/8 is for local use (RFC 4193): the address reaches no other network. */
	{ "eth0", IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST | IFF_LOWER_UP, 1500, ARPHRD_ETHER,
		RT_SCOPE_UNIVERSE, 24, 64, OWN_IPV4, { 0xfd, 0, [12] = 10, 0, 2, 15 } },
};

/* Of a kind that is administered locally, and another one in every UC: identifiers are made from
 * it. The second-lowest bit of the first byte says that nobody has registered the address. */
static void hardware_address(const struct interface *f, u8 mac[6])
{
	memset(mac, 0, 6);
	if (f->flags & IFF_LOOPBACK)
		return;
	mac[0] = 2; /* IEEE 802: unicast, administered locally */
	memcpy(mac + 1, HOST->entropy + 59, 5);
}

/* ---- Messages: struct nlmsghdr, a header of the message's own, attributes; all aligned to 4 bytes ---- */

#define ANSWER_MAX 2048 /* bytes: two interfaces, or four addresses, take up some 400 */

/* What is being answered, and the answer. */
struct answer {
	struct nlmsghdr asked;
	u32 n;
	u8 p[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Room for n bytes of the answer; the next one is aligned. */
static void *add(struct answer *a, u32 n)
{
	void *at = a->p + a->n;
	a->n += NLMSG_ALIGN(n);
	return at;
}

/* Opens a message. NLM_F_MULTI: others follow, the last is NLMSG_DONE. */
static struct nlmsghdr *begin(struct answer *a, u16 type, const void *body, u32 n)
{
	struct nlmsghdr *h = add(a, sizeof *h);
	*h = (struct nlmsghdr){ 0, type, NLM_F_MULTI, a->asked.nlmsg_seq, a->asked.nlmsg_pid };
	memcpy(add(a, n), body, n);
	return h;
}

/* One attribute of the message that is open. */
static void attribute(struct answer *a, u16 type, const void *p, u32 n)
{
	struct rtattr *t = add(a, sizeof *t);
	*t = (struct rtattr){ sizeof *t + n, type };
	memcpy(add(a, n), p, n);
}

/* Closes the message that begin opened. */
static void end(struct answer *a, struct nlmsghdr *h) { h->nlmsg_len = a->p + a->n - (u8 *)h; }

/* RTM_NEWLINK of one interface. */
static void link(struct answer *a, const struct interface *f, u32 index)
{
	u8 mac[6], all[6];
	struct ifinfomsg i = { 0, 0, f->type, index, f->flags, 0 };
	struct nlmsghdr *h = begin(a, RTM_NEWLINK, &i, sizeof i);
	hardware_address(f, mac);
	memset(all, f->flags & IFF_LOOPBACK ? 0 : 0xff, 6);
	attribute(a, IFLA_IFNAME, f->name, strlen(f->name) + 1);
	attribute(a, IFLA_MTU, &f->mtu, 4);
	attribute(a, IFLA_ADDRESS, mac, 6);
	attribute(a, IFLA_BROADCAST, all, 6);
	end(a, h);
}

/* RTM_NEWADDR: an address of one interface. IPv4 has a name for it, the label, which ifconfig
 * shows. */
static void address(struct answer *a, const struct interface *f, u32 index, int family)
{
	int four = family == AF_INET;
	struct ifaddrmsg m = { family, four ? f->prefix4 : f->prefix6, IFA_F_PERMANENT, f->scope, index };
	struct nlmsghdr *h = begin(a, RTM_NEWADDR, &m, sizeof m);
	attribute(a, IFA_ADDRESS, four ? f->ip4 : f->ip6, four ? 4 : 16);
	if (four) {
		attribute(a, IFA_LOCAL, f->ip4, 4);
		attribute(a, IFA_LABEL, f->name, strlen(f->name) + 1);
	}
	end(a, h);
}

/* The answer to one request: what it lists, or the errno, -EOPNOTSUPP for what is not listed here.
 * A message is built in place: lengths are known only when it is complete. */
static void answer(struct answer *a, u8 family)
{
	/* Only whole lists are asked for in practice; a single interface is not looked up. */
	i32 e = (a->asked.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP ? -EOPNOTSUPP : 0;
	if (!e && a->asked.nlmsg_type != RTM_GETLINK && a->asked.nlmsg_type != RTM_GETADDR)
		e = -EOPNOTSUPP;
	for (u32 i = 0; !e && i < COUNT(interfaces); i++) {
		/* Indexes begin at 1: if_nametoindex(3) has 0 for a name that does not exist. */
		if (a->asked.nlmsg_type == RTM_GETLINK) {
			link(a, &interfaces[i], i + 1);
			continue;
		}
		/* AF_UNSPEC asks for the addresses of both families. */
		if (family != AF_INET6)
			address(a, &interfaces[i], i + 1, AF_INET);
		if (family != AF_INET)
			address(a, &interfaces[i], i + 1, AF_INET6);
	}
	struct {
		i32 e;
		struct nlmsghdr asked;
	} error = { e, a->asked };
	struct nlmsghdr *h = begin(a, e ? NLMSG_ERROR : NLMSG_DONE, &error, e ? sizeof error : sizeof error.e);
	if (e)
		h->nlmsg_flags = 0; /* an error is one message: no NLMSG_DONE follows */
	end(a, h);
}

/* One request in a datagram: its header, and the family that it asks for, which is the first byte
 * behind it. */
i64 netlink_ask(struct sock *s, u64 buf, u64 n)
{
	struct {
		struct nlmsghdr h;
		u8 family;
	} r = { { 0, 0, 0, 0, 0 }, 0 };
	struct addr kernel = { .port = 0 };
	/* Linux's netlink_rcv_skb drops what is shorter than a header. The send has succeeded all the same. */
	if (n < sizeof r.h)
		return n;
	if (from_user(&r, buf, MIN(n, sizeof r.h + 1)))
		return -EFAULT;
	/* netlink(7): control messages and nonsense are not answered. */
	if (r.h.nlmsg_len < sizeof r.h || r.h.nlmsg_len > n || r.h.nlmsg_type <= NLMSG_DONE)
		return n; /* the kernel says nothing to these either */
	struct answer a = { r.h, 0, { 0 } };
	/* netlink(7): nlmsg_pid of an answer is the port of the asking socket, which is the process id here. */
	a.asked.nlmsg_pid = HOST->pid;
	answer(&a, r.family);
	i64 sent = sock_deliver(s, &kernel, (struct marks){ 0, 0 }, (u64)a.p, a.n);
	return sent < 0 ? sent : (i64)n;
}

/* ---- netdevice(7): names and numbers, for if_nametoindex and if_indextoname ---- */

/* struct ifreq: the name, and the index in place of an address. */
i64 interface_ioctl(u32 cmd, u64 arg)
{
	struct {
		char name[IFNAMSIZ];
		u32 index;
	} r;
	if (from_user(&r, arg, sizeof r))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = 0; /* the guest need not have ended the name */
	for (u32 i = 0; i < COUNT(interfaces); i++) {
		if (cmd == SIOCGIFNAME ? r.index != i + 1 : !streq(r.name, interfaces[i].name))
			continue;
		memcpy(r.name, interfaces[i].name, sizeof interfaces[i].name);
		r.index = i + 1;
		return to_user(arg, &r, sizeof r);
	}
	return -ENODEV;
}
