/* What sockets remember, and how a connection ends: options read back, a reset is ECONNRESET, a late write EPIPE. */
#include "check.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

static int get(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof v;
	CHECK(getsockopt(fd, level, name, &v, &len) == 0 && len == sizeof v);
	return v;
}

static void set(int fd, int level, int name, int v) { CHECK(setsockopt(fd, level, name, &v, sizeof v) == 0); }

static void options(void)
{
	static const int kept[][3] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_REUSEPORT, 1 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 5000 },
		{ IPPROTO_IP, IP_TOS, 16 },
		{ IPPROTO_IP, IP_TTL, 3 },
	};
	int s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(get(s, SOL_SOCKET, SO_REUSEADDR) == 0 && get(s, IPPROTO_IP, IP_TTL) == 64 &&
		get(s, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
	for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
		set(s, kept[i][0], kept[i][1], kept[i][2]);
		CHECK(get(s, kept[i][0], kept[i][1]) == kept[i][2]);
	}
	set(s, SOL_SOCKET, SO_RCVBUF, 8192);
	CHECK(get(s, SOL_SOCKET, SO_RCVBUF) == 16384);
	struct linger l = { 1, 7 }, got;
	socklen_t len = sizeof got;
	CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l) == 0 &&
		getsockopt(s, SOL_SOCKET, SO_LINGER, &got, &len) == 0);
	CHECK(got.l_onoff == 1 && got.l_linger == 7);
	int one = 1;
	FAILS(setsockopt(s, SOL_SOCKET, SO_TYPE, &one, sizeof one), ENOPROTOOPT);
	FAILS(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one), ENOPROTOOPT);
	close(s);
}

static void pair(int sv[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(l, (void *)&a, sizeof a) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&a, &len) == 0);
	sv[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(sv[0], (void *)&a, sizeof a) == 0 && (sv[1] = accept(l, NULL, NULL)) >= 0);
	close(l);
}

int main(void)
{
	int sv[2];
	char b[8];
	signal(SIGPIPE, SIG_IGN);
	options();
	/* Closed in good order: the first write is taken, its answer is a reset. */
	pair(sv);
	close(sv[1]);
	CHECK(read(sv[0], b, 1) == 0 && write(sv[0], "a", 1) == 1);
	FAILS(write(sv[0], "a", 1), EPIPE);
	close(sv[0]);
	/* Closed with bytes unread: a reset. */
	pair(sv);
	CHECK(write(sv[0], "a", 1) == 1);
	close(sv[1]);
	FAILS(read(sv[0], b, 1), ECONNRESET);
	FAILS(write(sv[0], "a", 1), EPIPE);
	close(sv[0]);
	/* What had arrived before is read first. */
	pair(sv);
	CHECK(write(sv[0], "a", 1) == 1 && write(sv[1], "b", 1) == 1);
	struct linger now = { 1, 0 };
	CHECK(setsockopt(sv[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	close(sv[1]);
	CHECK(read(sv[0], b, 1) == 1 && *b == 'b');
	FAILS(read(sv[0], b, 1), ECONNRESET);
	DONE();
}
