/* Connections that leave the guest, as messages on the channel, to a peer that sends all back: credit, end,
 * refusal, datagrams. */
#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define SIZE (3 << 20)
static char out[SIZE], in[SIZE];

static void *sender(void *arg)
{
	int c = (int)(long)arg;
	for (size_t n = 0; n < SIZE;) {
		ssize_t k = send(c, out + n, SIZE - n, 0);
		CHECK(k > 0);
		n += k;
	}
	CHECK(shutdown(c, SHUT_WR) == 0);
	return NULL;
}

int main(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) }, b;
	socklen_t len = sizeof b;
	pthread_t t;
	int e;
	inet_aton("192.0.2.1", &a.sin_addr);
	for (int i = 0; i < SIZE; i++)
		out[i] = i * 31 >> 3;
	int c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(c, (void *)&a, sizeof a) == 0 && getsockname(c, (void *)&b, &len) == 0 && ntohs(b.sin_port) == 40000);
	CHECK(getpeername(c, (void *)&b, &len) == 0 && b.sin_addr.s_addr == a.sin_addr.s_addr);
	CHECK(pthread_create(&t, NULL, sender, (void *)(long)c) == 0);
	size_t n = 0;
	for (ssize_t k; (k = read(c, in + n, SIZE - n)) > 0; n += k)
		;
	CHECK(n == SIZE && !memcmp(in, out, SIZE) && read(c, in, 1) == 0);
	pthread_join(t, NULL);
	close(c);
	/* As libuv connects: not blocking, then writable, then SO_ERROR. */
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	FAILS(connect(c, (void *)&a, sizeof a), EINPROGRESS);
	struct pollfd p = { c, POLLOUT, 0 };
	len = sizeof e;
	CHECK(poll(&p, 1, 5000) == 1 && getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &len) == 0 && e == 0);
	FAILS(read(c, in, 1), EAGAIN);
	close(c);
	a.sin_port = htons(1);
	c = socket(AF_INET, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&a, sizeof a), ECONNREFUSED);
	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	FAILS(connect(c, (void *)&a, sizeof a), EINPROGRESS);
	p.fd = c;
	CHECK(poll(&p, 1, 5000) == 1 && getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &len) == 0 && e == ECONNREFUSED);
	int u = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_port = htons(53);
	CHECK(connect(u, (void *)&a, sizeof a) == 0 && send(u, "query", 5, 0) == 5);
	p = (struct pollfd){ u, POLLIN, 0 };
	CHECK(poll(&p, 1, 5000) == 1);
	len = sizeof b;
	CHECK(recvfrom(u, in, 100, 0, (void *)&b, &len) == 5 && ntohs(b.sin_port) == 53 && !memcmp(in, "query", 5));
	DONE();
}
