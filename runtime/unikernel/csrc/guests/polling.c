/* epoll (level, edge, one-shot), poll, select: readiness, time-outs, waking from another thread. */
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

static int p[2];
static void *later(void *arg)
{
	usleep(20000);
	CHECK(write(p[1], "x", 1) == 1);
	return arg;
}

/* epoll_ctl(2), ELOOP: instances that watch each other in a circle, or many in a row. */
static void rows(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 1 } };
	int row[10], added = 0;
	for (int i = 0; i < 10; i++)
		CHECK((row[i] = epoll_create1(0)) >= 0);
	int again = dup(row[0]);
	FAILS(epoll_ctl(row[0], EPOLL_CTL_ADD, again, &ev), EINVAL);
	CHECK(epoll_ctl(row[0], EPOLL_CTL_ADD, row[1], &ev) == 0);
	FAILS(epoll_ctl(row[1], EPOLL_CTL_ADD, row[0], &ev), ELOOP);
	CHECK(epoll_ctl(row[1], EPOLL_CTL_ADD, row[2], &ev) == 0);
	FAILS(epoll_ctl(row[2], EPOLL_CTL_ADD, row[0], &ev), ELOOP);
	CHECK(epoll_wait(row[0], &ev, 1, 0) == 0);
	CHECK(epoll_ctl(row[0], EPOLL_CTL_DEL, row[1], NULL) == 0 && epoll_ctl(row[1], EPOLL_CTL_DEL, row[2], NULL) == 0);
	/* From the last one up, which all versions of Linux look through. */
	for (int i = 9; i > 0 && epoll_ctl(row[i - 1], EPOLL_CTL_ADD, row[i], &ev) == 0; i--)
		added++;
	CHECK(added >= 4 && added < 9);
	for (int i = 0; i < 10; i++)
		close(row[i]);
	close(again);
}

static long ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(void)
{
	char c;
	pthread_t t;
	struct epoll_event ev = { EPOLLIN, { .u64 = 77 } }, out[4];
	CHECK(pipe2(p, O_NONBLOCK) == 0);
	int e = epoll_create1(EPOLL_CLOEXEC);
	CHECK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev) == 0);
	FAILS(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev), EEXIST);
	CHECK(epoll_wait(e, out, 4, 0) == 0);
	long t0 = ms();
	CHECK(epoll_wait(e, out, 4, 30) == 0 && ms() - t0 >= 29);
	CHECK(pthread_create(&t, NULL, later, NULL) == 0 && epoll_wait(e, out, 4, -1) == 1 && out[0].data.u64 == 77);
	CHECK(epoll_wait(e, out, 4, -1) == 1); /* level: still there */
	pthread_join(t, NULL);
	ev.events = EPOLLIN | EPOLLET;
	CHECK(
		epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0 && epoll_wait(e, out, 4, 0) == 1 && epoll_wait(e, out, 4, 0) == 0);
	CHECK(write(p[1], "y", 1) == 1 && epoll_wait(e, out, 4, 0) == 1 && epoll_wait(e, out, 4, 0) == 0);
	ev.events = EPOLLIN | EPOLLONESHOT;
	CHECK(
		epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0 && epoll_wait(e, out, 4, 0) == 1 && epoll_wait(e, out, 4, 0) == 0);
	/* An epoll in an epoll. */
	int outer = epoll_create1(0);
	ev.events = EPOLLIN;
	CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev) == 0 && epoll_wait(outer, out, 4, 0) == 0);
	CHECK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0 && epoll_wait(outer, out, 4, 0) == 1);
	CHECK(read(p[0], &c, 1) == 1 && read(p[0], &c, 1) == 1);
	struct pollfd pf[2] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 } };
	CHECK(poll(pf, 2, -1) == 1 && pf[1].revents == POLLOUT && pf[0].revents == 0);
	CHECK(poll(pf, 1, 20) == 0);
	fd_set r;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	struct timeval tv = { 0, 20000 };
	CHECK(select(p[0] + 1, &r, NULL, NULL, &tv) == 0 && !FD_ISSET(p[0], &r));
	CHECK(pthread_create(&t, NULL, later, NULL) == 0);
	FD_SET(p[0], &r);
	CHECK(select(p[0] + 1, &r, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &r));
	pthread_join(t, NULL);
	/* A closed file leaves its epoll; an end of file is an event. */
	close(p[1]);
	CHECK(epoll_wait(e, out, 4, 0) == 1 && out[0].events & EPOLLHUP);
	close(p[0]);
	CHECK(epoll_wait(e, out, 4, 0) == 0);
	FAILS(epoll_ctl(e, EPOLL_CTL_ADD, open("/etc/passwd", O_RDONLY), &ev), EPERM);
	rows();
	DONE();
}
