/* Threads: create, join, locks, conditions with time-outs, thread-local data, a spinner that must not starve
 * others. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int count;
static atomic_int flag;
static __thread long mine;

static void *add(void *arg)
{
	mine = (long)arg;
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		count++;
		pthread_mutex_unlock(&lock);
		if (i % 100 == 0)
			sched_yield();
	}
	CHECK(mine == (long)arg);
	return arg;
}

static void *later(void *arg)
{
	struct timespec t = { 0, 20000000 };
	nanosleep(&t, NULL);
	flag = 1;
	return arg;
}

static void *hold(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *signaller(void *arg)
{
	pthread_mutex_lock(&lock);
	count = -1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	return arg;
}

/* Starts threads until one is refused, ends all, and returns their number. */
static int start_many(const pthread_attr_t *attr, int max)
{
	static pthread_t many[1100];
	int n = 0;
	pthread_mutex_lock(&lock);
	while (n < max && pthread_create(&many[n], attr, hold, NULL) == 0)
		n++;
	pthread_mutex_unlock(&lock);
	for (int i = n; i;)
		pthread_join(many[--i], NULL);
	return n;
}

int main(void)
{
	pthread_t t[200];
	for (long i = 0; i < 200; i++)
		CHECK(pthread_create(&t[i], NULL, add, (void *)i) == 0);
	for (long i = 0; i < 200; i++) {
		void *r;
		CHECK(pthread_join(t[i], &r) == 0 && r == (void *)i);
	}
	CHECK(count == 200000);
	/* The main thread computes without a call; the other one's sleep must end all the same. */
	CHECK(pthread_create(&t[0], NULL, later, NULL) == 0);
	while (!flag)
		;
	pthread_join(t[0], NULL);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 30000000;
	if (until.tv_nsec >= 1000000000)
		until.tv_sec++, until.tv_nsec -= 1000000000;
	pthread_mutex_lock(&lock);
	CHECK(pthread_cond_timedwait(&cond, &lock, &until) == ETIMEDOUT);
	CHECK(pthread_create(&t[0], NULL, signaller, NULL) == 0);
	while (count != -1)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	pthread_join(t[0], NULL);
	sem_t s;
	sem_init(&s, 0, 1);
	CHECK(sem_wait(&s) == 0);
	FAILS(sem_trywait(&s), EAGAIN);
	/* 1024 threads are the limit, and a clear error beyond. */
	pthread_attr_t small;
	CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 65536) == 0);
	CHECK(start_many(&small, 1100) == 1023 && start_many(&small, 1100) == 1023);
	/* Stacks of 8 MB cost what programs use of them. */
	CHECK(start_many(NULL, 500) == 500);
	DONE();
}
