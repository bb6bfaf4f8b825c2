/* Clocks: read without a trap, agree with each other, sleeps last. */
#include "check.h"
#include "../../abi/uc.h"
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>

static long long ns(clockid_t id)
{
	struct timespec t;
	CHECK(clock_gettime(id, &t) == 0);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(void)
{
	struct timeval tv;
	CHECK(getauxval(AT_SYSINFO_EHDR));
	long long a = ns(CLOCK_MONOTONIC), r = ns(CLOCK_REALTIME);
	CHECK(r > 1700000000ll * 1000000000 && gettimeofday(&tv, NULL) == 0);
	CHECK(llabs(tv.tv_sec * 1000000ll + tv.tv_usec - r / 1000) < 1000000 && llabs(time(NULL) - tv.tv_sec) <= 1);
	usleep(10000);
	long long b = ns(CLOCK_MONOTONIC);
	CHECK(b - a >= 10000000 && b - a < 2000000000);
	/* With UC_F_TRACE the libOS counts calls: reading a clock must not be one. */
	const struct uc_state *s = (const void *)UC_STATE;
	const volatile uint32_t *calls = (const void *)(UC_STATE + s->calls_off);
	CHECK(calls[1 /* write */] || calls[12 /* brk */] || calls[9 /* mmap */]);
	uint32_t traps = calls[228], more = calls[96];
	for (int i = 0; i < 100000; i++) {
		long long c = ns(CLOCK_MONOTONIC);
		CHECK(c >= b);
		b = c;
	}
	CHECK(gettimeofday(&tv, NULL) == 0 && time(NULL) > 0 && calls[228] == traps && calls[96] == more);
	CHECK(ns(CLOCK_PROCESS_CPUTIME_ID) > 0 && ns(CLOCK_THREAD_CPUTIME_ID) > 0 && ns(CLOCK_BOOTTIME) > 0);
	struct timespec until = { 0, 0 };
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
	DONE();
}
