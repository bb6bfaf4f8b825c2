/* Hundreds of connects under way at once, all refused while nobody reads: neither side stops reading while it
 * sends. */
#include "check.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define MANY 900

static void refused(void)
{
	static int fd[MANY];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr = { htonl(0x0a000001) } };
	for (int i = 0; i < MANY; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		FAILS(connect(fd[i], (void *)&to, sizeof to), EINPROGRESS);
	}
	for (int i = 0; i < MANY; i++) {
		struct pollfd p = { fd[i], POLLOUT, 0 };
		int error = 0;
		socklen_t len = sizeof error;
		CHECK(poll(&p, 1, 10000) == 1 && p.revents & POLLERR);
		CHECK(getsockopt(fd[i], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNREFUSED);
	}
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
}

static void mapped(struct sockaddr_in6 *a, const char *ip)
{
	memset(a, 0, sizeof *a);
	a->sin6_family = AF_INET6, a->sin6_port = htons(9);
	inet_pton(AF_INET6, ip, &a->sin6_addr);
}

/* getaddrinfo sorts by the address that a datagram socket has after its connect. */
static void routes(void)
{
	static const char *const from[][2] = {
		{ "::ffff:127.0.0.1", "::ffff:127.0.0.1" },
		{ "::1", "::1" },
		{ "::ffff:10.0.0.1", "::ffff:10.0.2.15" },
	};
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < 3; i++) {
		struct sockaddr_in6 to, own, want;
		socklen_t len = sizeof own;
		mapped(&to, from[i][0]), mapped(&want, from[i][1]);
		CHECK(connect(s, (void *)&to, sizeof to) == 0 && getsockname(s, (void *)&own, &len) == 0);
		CHECK(!memcmp(&own.sin6_addr, &want.sin6_addr, 16));
	}
	struct addrinfo *list, hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	CHECK(getaddrinfo(NULL, "8080", &hints, &list) == 0 && list && list->ai_next);
	freeaddrinfo(list);
	hints.ai_flags = 0;
	CHECK(getaddrinfo(NULL, "8080", &hints, &list) == 0 && list && list->ai_next);
	freeaddrinfo(list);
}

int main(void)
{
	refused();
	routes();
	DONE();
}
