/* Sockets inside the guest: pairs, loopback TCP over IPv4 and IPv6, unix names, datagrams, errors. */
#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static void *echo(void *arg)
{
	int l = (int)(long)arg, c = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	char b[65536];
	CHECK(c >= 0);
	for (ssize_t n; (n = read(c, b, sizeof b)) > 0;)
		CHECK(send(c, b, n, 0) == n);
	close(c);
	return NULL;
}

static void *gather(void *arg)
{
	static char b[1 << 20];
	CHECK(recv((int)(long)arg, b, sizeof b, MSG_WAITALL) == sizeof b && b[sizeof b - 1] == 'z');
	return NULL;
}

/* Both ends wait by turns, in one call each, until all bytes are there. */
static void waitall(void)
{
	static char b[1 << 20];
	int sv[2];
	pthread_t t;
	memset(b, 'z', sizeof b);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0 && pthread_create(&t, NULL, gather, (void *)(long)sv[1]) == 0);
	CHECK(write(sv[0], b, sizeof b) == sizeof b && pthread_join(t, NULL) == 0);
	close(sv[0]), close(sv[1]);
}

static void tcp(int domain)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 }, got;
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	socklen_t len = sizeof got;
	int l = socket(domain, SOCK_STREAM, 0), one = 1;
	CHECK(l >= 0 && setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	CHECK(bind(l, domain == AF_INET ? (void *)&a4 : (void *)&a6, domain == AF_INET ? sizeof a4 : sizeof a6) == 0);
	CHECK(listen(l, 5) == 0);
	CHECK(getsockname(l, (void *)&got, &len) == 0 && got.sin6_port);
	pthread_t t;
	CHECK(pthread_create(&t, NULL, echo, (void *)(long)l) == 0);
	/* IPv4 reaches a socket that listens on any IPv6 address. */
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = got.sin6_port, .sin_addr = { htonl(INADDR_LOOPBACK) }
	};
	int c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(c, (void *)&to, sizeof to) == 0);
	static char out[1 << 20], in[1 << 20];
	memset(out, domain, sizeof out);
	size_t sent = 0, back = 0;
	fcntl(c, F_SETFL, O_NONBLOCK);
	while (back < sizeof in) {
		struct pollfd p = { c, POLLIN | (sent < sizeof out ? POLLOUT : 0), 0 };
		CHECK(poll(&p, 1, 1000) == 1);
		ssize_t n = 0;
		if (p.revents & POLLOUT && (n = write(c, out + sent, sizeof out - sent)) > 0)
			sent += n;
		if (p.revents & POLLIN && (n = read(c, in + back, sizeof in - back)) > 0)
			back += n;
	}
	CHECK(!memcmp(in, out, sizeof in) && shutdown(c, SHUT_WR) == 0);
	fcntl(c, F_SETFL, 0);
	CHECK(read(c, in, 1) == 0);
	pthread_join(t, NULL);
	close(c), close(l);
	c = socket(AF_INET, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&to, sizeof to), ECONNREFUSED);
	close(c);
}

int main(void)
{
	int sv[2], n;
	char b[100];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0 && write(sv[0], "ab", 2) == 2);
	CHECK(ioctl(sv[1], FIONREAD, &n) == 0 && n == 2 && read(sv[1], b, 100) == 2 && ioctl(sv[1], FIONREAD, &n) == 0 &&
		n == 0);
	close(sv[0]);
	CHECK(read(sv[1], b, 1) == 0 && send(sv[1], b, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0 && write(sv[0], "abc", 3) == 3 && write(sv[0], "d", 1) == 1);
	CHECK(read(sv[1], b, 2) == 2 && read(sv[1], b, 100) == 1 && b[0] == 'd');
	waitall();
	tcp(AF_INET);
	tcp(AF_INET6);
	struct sockaddr_un un = { AF_UNIX, "/tmp/sock" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&un, sizeof un), ENOENT);
	CHECK(bind(l, (void *)&un, sizeof un) == 0 && listen(l, 1) == 0 && connect(c, (void *)&un, sizeof un) == 0);
	int s = accept(l, NULL, NULL);
	CHECK(s >= 0 && write(c, "q", 1) == 1 && recv(s, b, 100, MSG_PEEK) == 1 && read(s, b, 100) == 1);
	int u = socket(AF_INET, SOCK_DGRAM, 0), v = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof a;
	CHECK(bind(u, (void *)&a, sizeof a) == 0 && getsockname(u, (void *)&a, &len) == 0);
	CHECK(sendto(v, "dgram", 5, 0, (void *)&a, sizeof a) == 5 && sendto(v, "next", 4, 0, (void *)&a, sizeof a) == 4);
	CHECK(ioctl(u, FIONREAD, &n) == 0 && n == 5); /* the next datagram alone; getaddrinfo asks before it reads */
	CHECK(recvfrom(u, b, 100, 0, (void *)&a, &len) == 5 && a.sin_port);
	CHECK(recv(u, b, 100, 0) == 4);
	FAILS(recv(u, b, 1, MSG_DONTWAIT), EAGAIN);
	FAILS(socket(AF_INET, SOCK_RAW, 1), EPERM);
	FAILS(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
	DONE();
}
