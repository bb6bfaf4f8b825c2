/* Pipes between threads: order, blocking both ways, end of file, SIGPIPE, non-blocking; eventfd and timerfd. */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static int p[2];
static void *writer(void *arg)
{
	static char block[1 << 20];
	for (int i = 0; i < 8; i++) {
		memset(block, i, sizeof block);
		CHECK(write(p[1], block, sizeof block) == sizeof block); /* 16 times the pipe */
	}
	close(p[1]);
	return arg;
}

int main(void)
{
	pthread_t t;
	static char b[100001];
	signal(SIGPIPE, SIG_IGN);
	CHECK(pipe(p) == 0 && pthread_create(&t, NULL, writer, NULL) == 0);
	size_t total = 0;
	for (ssize_t n; (n = read(p[0], b, sizeof b)) > 0; total += n)
		CHECK(b[0] == (char)(total >> 20));
	CHECK(total == 8 << 20);
	pthread_join(t, NULL);
	CHECK(pipe2(p, O_NONBLOCK) == 0);
	FAILS(read(p[0], b, 1), EAGAIN);
	CHECK(write(p[1], b, 100000) == 65536);
	FAILS(write(p[1], b, 1), EAGAIN);
	close(p[0]);
	FAILS(write(p[1], b, 1), EPIPE);
	int e = eventfd(0, EFD_NONBLOCK);
	uint64_t v = 3;
	FAILS(read(e, &v, 8), EAGAIN);
	CHECK(write(e, &v, 8) == 8 && write(e, &v, 8) == 8 && read(e, &v, 8) == 8 && v == 6);
	FAILS(write(e, (uint64_t[2]){ 5, 7 }, 16), EINVAL); /* since Linux 6.6; before, the first was taken */
	int tf = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec its = { { 0, 5000000 }, { 0, 5000000 } };
	CHECK(timerfd_settime(tf, 0, &its, NULL) == 0 && read(tf, &v, 8) == 8 && v >= 1);
	usleep(30000);
	CHECK(read(tf, &v, 8) == 8 && v >= 4);
	DONE();
}
