/* Descriptors in messages between threads, hop limits of datagrams, and what a non-blocking connect says. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static int with(int s, const char *text, int *fds, int n)
{
	char control[64] = { 0 };
	struct iovec v = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * 4) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(n * 4);
	memcpy(CMSG_DATA(c), fds, n * 4);
	return sendmsg(s, &m, 0);
}

static int take(int s, char *text, int *fds, size_t room, int *flags)
{
	char control[64];
	struct iovec v = { text, 64 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room };
	int n = recvmsg(s, &m, 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	fds[0] = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	*flags = m.msg_flags;
	return n;
}

static void rights(int type)
{
	int sv[2], p[2], got[2], flags;
	char b[64];
	CHECK(socketpair(AF_UNIX, type, 0, sv) == 0 && pipe(p) == 0);
	CHECK(with(sv[0], "one", p, 2) == 3 && with(sv[0], "two", p + 1, 1) == 3);
	CHECK(take(sv[1], b, got, 64, &flags) == 3 && !memcmp(b, "one", 3) && got[0] >= 0 && !(flags & MSG_CTRUNC));
	CHECK(write(got[1], "x", 1) == 1 && read(p[0], b, 1) == 1 && *b == 'x');
	close(got[0]), close(got[1]);
	CHECK(take(sv[1], b, got, 0, &flags) == 3 && got[0] < 0 && flags & MSG_CTRUNC);
	/* Descriptors that nobody reads are closed with the socket. */
	CHECK(with(sv[0], "end", p + 1, 1) == 3);
	close(p[1]), close(sv[1]), close(sv[0]);
	CHECK(read(p[0], b, 1) == 0);
	close(p[0]);
	int bad = 999;
	CHECK(socketpair(AF_UNIX, type, 0, sv) == 0);
	FAILS(with(sv[0], "bad", &bad, 1), EBADF);
	close(sv[0]), close(sv[1]);
}

/* A file that is under way many times is not closed early. The receiver's queue or ETOOMANYREFS ends the sending,
 * whichever comes first. */
static void many(void)
{
	enum { EACH = 253, SETS = 300 }; /* more than 16 bits count */
	char control[CMSG_SPACE(EACH * sizeof(int))] = { 0 }, b = 'x';
	struct iovec v = { &b, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int sv[2], p[2], fds[EACH], sent = 0;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0 && pipe(p) == 0);
	for (int i = 0; i < EACH; i++)
		fds[i] = p[0];
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	while (sent < SETS && sendmsg(sv[0], &m, MSG_DONTWAIT) == 1)
		sent++;
	CHECK(sent > 0);
	close(sv[0]), close(sv[1]);
	CHECK(write(p[1], &b, 1) == 1 && read(p[0], &b, 1) == 1);
	close(p[0]), close(p[1]);
}

static void hops(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof a;
	int r = socket(AF_INET6, SOCK_DGRAM, 0), s = socket(AF_INET6, SOCK_DGRAM, 0), one = 1, n = 7;
	char control[64], b[8];
	struct iovec v = { b, sizeof b };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	CHECK(bind(r, (void *)&a, sizeof a) == 0 && getsockname(r, (void *)&a, &len) == 0);
	CHECK(setsockopt(r, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, 4) == 0 &&
		setsockopt(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &n, 4) == 0);
	CHECK(sendto(s, "h", 1, 0, (void *)&a, sizeof a) == 1 && recvmsg(r, &m, 0) == 1);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT && *(int *)CMSG_DATA(c) == 7);
	close(r), close(s);
}

/* A server that is bound to every address answers from the one that was asked. */
static void answers(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET }, from;
	socklen_t len = sizeof a;
	char b[8];
	int r = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(bind(r, (void *)&a, sizeof a) == 0 && getsockname(r, (void *)&a, &len) == 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(sendto(s, "q", 1, 0, (void *)&a, sizeof a) == 1 && recvfrom(r, b, 8, 0, (void *)&from, &len) == 1);
	CHECK(from.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && sendto(r, "a", 1, 0, (void *)&from, len) == 1);
	CHECK(recvfrom(s, b, 8, 0, (void *)&from, &len) == 1 && from.sin_addr.s_addr == a.sin_addr.s_addr &&
		from.sin_port == a.sin_port);
	close(r), close(s);
}

static void begun(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(bind(l, (void *)&a, sizeof a) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&a, &len) == 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	FAILS(connect(c, (void *)&a, sizeof a), EINPROGRESS);
	CHECK(connect(c, (void *)&a, sizeof a) == 0);
	FAILS(connect(c, (void *)&a, sizeof a), EISCONN);
	struct sockaddr_un un;
	int u = socket(AF_UNIX, SOCK_STREAM, 0);
	len = sizeof un;
	un.sun_family = AF_UNIX;
	CHECK(bind(u, (void *)&un, sizeof un.sun_family) == 0 && getsockname(u, (void *)&un, &len) == 0);
	CHECK(len == sizeof un.sun_family + 6 && !un.sun_path[0]);
}

int main(void)
{
	rights(SOCK_STREAM);
	rights(SOCK_SEQPACKET);
	many();
	hops();
	answers();
	begun();
	DONE();
}
