/* FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: a condition variable whose mutex is a PI futex, as glibc before 2.25
 * made it. A waiter wakes as the owner of the mutex, one after the other. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#define WAITERS 3
static uint32_t condition, mutex, other;
static volatile int waiting, owned;

static long futex(uint32_t *word, int op, uint32_t val, const void *timeout, uint32_t *word2, uint32_t val3)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, timeout, word2, val3);
}

static uint32_t id(void) { return syscall(SYS_gettid); }

static void lock(void)
{
	uint32_t free = 0;
	if (!__atomic_compare_exchange_n(&mutex, &free, id(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK(futex(&mutex, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
}

static void unlock(void)
{
	uint32_t mine = id();
	if (!__atomic_compare_exchange_n(&mutex, &mine, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK(futex(&mutex, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
}

static void *waiter(void *arg)
{
	lock();
	uint32_t seen = condition;
	waiting++;
	unlock();
	CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI, seen, NULL, &mutex, 0) == 0);
	CHECK((mutex & FUTEX_TID_MASK) == id());
	owned++;
	unlock();
	return arg;
}

static void *plain(void *arg)
{
	CHECK(futex(&other, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
	return arg;
}

/* How many waiters are asleep shows in what a call moves: 0 says that none is there yet. */
static long moved(int move)
{
	for (int i = 0; i < 10000; i++) {
		long n = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)(long)move, &mutex, condition);
		CHECK(n >= 0);
		if (n)
			return n;
		usleep(1000);
	}
	return 0;
}

static void broadcast(void)
{
	pthread_t t[WAITERS];
	for (int i = 0; i < WAITERS; i++)
		CHECK(pthread_create(&t[i], NULL, waiter, NULL) == 0);
	while (waiting < WAITERS)
		usleep(1000);
	/* No other operation wakes such a waiter: it would not own the mutex. */
	lock();
	CHECK(futex(&condition, FUTEX_WAKE, WAITERS, NULL, NULL, 0) <= 0);
	long n = 0;
	while (n < WAITERS)
		n += moved(WAITERS);
	CHECK(n == WAITERS && owned == 0 && mutex & FUTEX_WAITERS);
	unlock();
	for (int i = 0; i < WAITERS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(owned == WAITERS && mutex == 0);
	/* With the mutex free the first waiter owns it at once. */
	CHECK(pthread_create(&t[0], NULL, waiter, NULL) == 0 && moved(0) == 1 && pthread_join(t[0], NULL) == 0);
	CHECK(owned == WAITERS + 1 && mutex == 0);
}

static void refused(void)
{
	struct timespec soon;
	pthread_t t;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &soon) == 0);
	FAILS(futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition, &soon, &mutex, 0), ETIMEDOUT);
	FAILS(futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition + 1, NULL, &mutex, 0), EAGAIN);
	FAILS(futex(&condition, FUTEX_WAIT_REQUEUE_PI, condition, NULL, &condition, 0), EINVAL);
	FAILS(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &condition, condition), EINVAL);
	FAILS(futex(&condition, FUTEX_CMP_REQUEUE_PI, 2, NULL, &mutex, condition), EINVAL);
	FAILS(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &mutex, condition + 1), EAGAIN);
	CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &mutex, condition) == 0);
	/* A flag that does not exist makes an operation that does not exist. */
	FAILS(futex(&other, FUTEX_WAKE | 1 << 9, 1, NULL, NULL, 0), ENOSYS);
	/* A waiter of another operation is not moved. */
	CHECK(pthread_create(&t, NULL, plain, NULL) == 0);
	long r = 0;
	for (int i = 0; !r && i < 10000; i++, usleep(1000))
		r = futex(&other, FUTEX_CMP_REQUEUE_PI, 1, NULL, &mutex, 0);
	CHECK(r == -1 && futex(&other, FUTEX_WAKE, 1, NULL, NULL, 0) == 1 && pthread_join(t, NULL) == 0);
}

int main(void)
{
	broadcast();
	refused();
	DONE();
}
