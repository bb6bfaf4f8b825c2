/*
 * The guest's vDSO: what AT_SYSINFO_EHDR points to, so that reading a clock costs no trap. It calls
 * the host's own vDSO through the pointer in the host block, and adds the offset that keeps
 * monotonic clocks from running backwards when a snapshot is restored after a reboot of the host.
 * Position-independent, no data, no relocations.
 */
#include "../../../abi/uc.h"

struct timespec {
	long sec, nsec;
};
struct timeval {
	long sec, usec;
};
#define HOST ((const volatile struct uc_host *)UC_HOST)
/* struct state begins with uc_state; the offset follows it at once (state.h asserts this). */
#define MONO_OFFSET (*(const volatile long *)(UC_STATE + sizeof(struct uc_state)))

/* The system call, for what the host's vDSO does not answer; it traps like any other of the guest's. */
static long trap(long n, long a, long b)
{
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return r;
}

/* The host's vDSO answers with its own time; the offset is added as in the libOS (clock.c), so that
 * both tell the same. */
static int clock(int id, struct timespec *ts)
{
	int (*f)(int, struct timespec *) = (void *)HOST->vdso_clock;
	/* Realtime, monotonic, raw, coarse, boottime. CPU clocks are the libOS's to answer. Bits of the
	 * clock's number; one that is not listed would make the host's vDSO call its kernel, which
	 * traps. */
	if (!f || !(0xf3u >> id & 1) || id > 7)
		return trap(228, id, (long)ts);
	int r = f(id, ts);
	long off = MONO_OFFSET;
	if (off && id != 0 && id != 5) {
		long n = ts->nsec + off % 1000000000;
		ts->sec += off / 1000000000 + n / 1000000000;
		ts->nsec = n % 1000000000;
	}
	return r;
}

int __vdso_clock_gettime(int id, struct timespec *ts) { return clock(id, ts); }

/* gettimeofday(2): there is no time zone. */
int __vdso_gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec ts;
	(void)tz;
	if (tv) {
		int r = clock(0, &ts);
		if (r)
			return r;
		tv->sec = ts.sec;
		tv->usec = (long)((unsigned)ts.nsec / 1000u);
	}
	return 0;
}

/* time(2): a coarse clock is exact enough for seconds. */
long __vdso_time(long *t)
{
	struct timespec ts;
	clock(5, &ts);
	if (t)
		*t = ts.sec;
	return ts.sec;
}

/* clock_getres(2) is asked once by those who ask. */
int __vdso_clock_getres(int id, struct timespec *ts) { return trap(229, id, (long)ts); }

/* A UC has one processor: its threads take turns on one host thread. */
long __vdso_getcpu(unsigned *cpu, unsigned *node)
{
	if (cpu)
		*cpu = 0;
	if (node)
		*node = 0;
	return 0;
}
