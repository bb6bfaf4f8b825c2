/* Futexes that hold their owner: priority inheritance, by the call itself and by the C library; robust locks of
 * dead owners. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static uint32_t word, other;
static int step;
static pthread_mutex_t m;

static long futex(uint32_t *at, int op, const struct timespec *until)
{
	return syscall(SYS_futex, at, op | FUTEX_PRIVATE_FLAG, 0, until, 0, 0);
}
static int me(void) { return syscall(SYS_gettid); }

static struct timespec in(int clock, long ms)
{
	struct timespec t;
	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000;
	return (struct timespec){ t.tv_sec + t.tv_nsec / 1000000000, t.tv_nsec % 1000000000 };
}

static void *takes(void *arg)
{
	CHECK(futex(&word, FUTEX_LOCK_PI, NULL) == 0 && (word & FUTEX_TID_MASK) == me());
	step++;
	CHECK(futex(&word, FUTEX_UNLOCK_PI, NULL) == 0);
	return arg;
}

static void *meddles(void *arg)
{
	FAILS(futex(&word, FUTEX_UNLOCK_PI, NULL), EPERM);
	FAILS(futex(&word, FUTEX_TRYLOCK_PI, NULL), EAGAIN);
	struct timespec t = in(CLOCK_REALTIME, 20), late = { 1, 0 }, wrong = { 1, 1000000000 };
	FAILS(futex(&word, FUTEX_LOCK_PI, &t), ETIMEDOUT);
	FAILS(futex(&word, FUTEX_LOCK_PI, &late), ETIMEDOUT);
	FAILS(futex(&word, FUTEX_LOCK_PI, &wrong), EINVAL);
	CHECK(in(CLOCK_REALTIME, 0).tv_sec >= t.tv_sec);
	t = in(CLOCK_MONOTONIC, 20);
	FAILS(futex(&word, FUTEX_LOCK_PI2, &t), ETIMEDOUT);
	CHECK(word & FUTEX_WAITERS);
	return arg;
}

static void *cycle(void *arg)
{
	CHECK(futex(&other, FUTEX_LOCK_PI, NULL) == 0);
	step = 1;
	CHECK(futex(&word, FUTEX_LOCK_PI, NULL) == 0); /* held by the main thread, which asks for the lock "other" */
	CHECK(futex(&other, FUTEX_UNLOCK_PI, NULL) == 0 && futex(&word, FUTEX_UNLOCK_PI, NULL) == 0);
	return arg;
}

static void raw(void)
{
	pthread_t t[3];
	CHECK(futex(&word, FUTEX_LOCK_PI, NULL) == 0 && word == me());
	FAILS(futex(&word, FUTEX_LOCK_PI, NULL), EDEADLK);
	FAILS(futex(&word, FUTEX_TRYLOCK_PI, NULL), EDEADLK);
	CHECK(pthread_create(t, NULL, meddles, NULL) == 0 && pthread_join(*t, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, takes, NULL) == 0);
	usleep(20000);
	CHECK(step == 0 && word == (me() | FUTEX_WAITERS) && futex(&word, FUTEX_UNLOCK_PI, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(step == 3 && word == 0);
	FAILS(futex(&word, FUTEX_UNLOCK_PI, NULL), EPERM);
	word = 0x3ffffff0;
	FAILS(futex(&word, FUTEX_LOCK_PI, NULL), ESRCH);
	FAILS(futex((uint32_t *)8, FUTEX_LOCK_PI, NULL), EFAULT);
	word = step = 0;
	CHECK(futex(&word, FUTEX_TRYLOCK_PI, NULL) == 0 && pthread_create(t, NULL, cycle, NULL) == 0);
	while (!(word & FUTEX_WAITERS))
		usleep(1000);
	FAILS(futex(&other, FUTEX_LOCK_PI, NULL), EDEADLK);
	CHECK(futex(&word, FUTEX_UNLOCK_PI, NULL) == 0 && pthread_join(*t, NULL) == 0);
}

static void nothing(int sig) { (void)sig; }

static void *adds(void *arg)
{
	for (int i = 0; i < 300; i++) {
		CHECK(pthread_mutex_lock(&m) == 0);
		int was = step;
		if (i % 50 == 0)
			usleep(100);
		step = was + 1;
		CHECK(pthread_mutex_unlock(&m) == 0);
	}
	return arg;
}

static void *dies(void *arg)
{
	CHECK(pthread_mutex_lock(&m) == 0);
	step = 1;
	usleep(30000); /* the other threads begin to wait */
	return arg;
}

static void init(int protocol, int robust)
{
	pthread_mutexattr_t a;
	CHECK(pthread_mutexattr_init(&a) == 0 && pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK) == 0);
	CHECK(pthread_mutexattr_setprotocol(&a, protocol) == 0 && pthread_mutexattr_setrobust(&a, robust) == 0 &&
		pthread_mutex_init(&m, &a) == 0);
	step = 0;
}

static void library(void)
{
	pthread_t t[8];
	struct sigaction a = { .sa_handler = nothing };
	struct itimerval soon = { { 0, 0 }, { 0, 10000 } };
	init(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&t[i], NULL, adds, NULL) == 0);
	/* A signal does not end the wait for a lock. */
	CHECK(sigaction(SIGALRM, &a, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
	adds(NULL);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(step == 9 * 300);
	struct timespec until = in(CLOCK_REALTIME, 10);
	CHECK(
		pthread_mutex_lock(&m) == 0 && pthread_mutex_timedlock(&m, &until) == EDEADLK && pthread_mutex_unlock(&m) == 0);
	CHECK(pthread_mutex_unlock(&m) == EPERM);
}

static void robust(int protocol)
{
	pthread_t t;
	init(protocol, PTHREAD_MUTEX_ROBUST);
	for (int waiting = 0; waiting < 2; waiting++, step = 0) {
		CHECK(pthread_create(&t, NULL, dies, NULL) == 0);
		while (!step)
			usleep(1000);
		if (!waiting)
			CHECK(pthread_join(t, NULL) == 0);
		CHECK(
			pthread_mutex_lock(&m) == EOWNERDEAD && pthread_mutex_consistent(&m) == 0 && pthread_mutex_unlock(&m) == 0);
		if (waiting)
			CHECK(pthread_join(t, NULL) == 0);
		CHECK(pthread_mutex_lock(&m) == 0 && pthread_mutex_unlock(&m) == 0);
	}
}

int main(void)
{
	void *head;
	size_t n;
	raw();
	library();
	robust(PTHREAD_PRIO_NONE);
	robust(PTHREAD_PRIO_INHERIT);
	CHECK(syscall(SYS_get_robust_list, 0, &head, &n) == 0 && head && n == 24);
	FAILS(syscall(SYS_set_robust_list, head, 8), EINVAL);
	DONE();
}
