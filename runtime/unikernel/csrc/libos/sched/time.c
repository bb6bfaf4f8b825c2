/*
 * time.c: the calls that read a clock or sleep by one: clock_gettime(2), clock_nanosleep(2),
 * gettimeofday(2), times(2).
 *
 * The C library reads most clocks through the guest's vDSO (vdso/vdso.c), which calls the host's;
 * these calls serve static programs, CPU clocks and those that ask the kernel on purpose. Both add
 * S->mono_offset to clocks that count from the boot of the host.
 *
 * A sleep is a blocked call with a deadline and nothing else to wait for. Its deadline stays where
 * the first attempt set it, however often the scheduler tries it again.
 */
#include "base/state.h"
#include "host/clock.h"

#define TICK (SEC / 100) /* times(2): AT_CLKTCK is 100 */
#define COARSE (4 * MSEC) /* what a coarse clock of Linux is read to */
#define CLOCKS 12 /* ids from here on name threads and processes */
#define OF_A_THREAD 4 /* their bit that tells CLOCK_THREAD_CPUTIME_ID from that of a process */
#define CLOCK_UNUSED 10 /* was CLOCK_SGI_CYCLE */

/* Clocks that count from the boot of the host take the offset that keeps them from running
 * backwards. */
static int since_boot(u64 id)
{
	return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME ||
		id == CLOCK_BOOTTIME_ALARM;
}

i64 sys_clock_gettime(u64 id, u64 out)
{
	struct ts t;
	if (id >= CLOCKS || id == CLOCK_UNUSED)
		/* CPU clocks by number: there is one host thread, and its time is everybody's. */
		id = id & OF_A_THREAD ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
	if (host_clock(id, &t))
		return -EINVAL;
	if (S->mono_offset && since_boot(id)) {
		u64 ns = (u64)t.sec * SEC + t.nsec + S->mono_offset;
		t = (struct ts){ ns / SEC, ns % SEC };
	}
	return to_user(out, &t, sizeof t);
}

/* clock_getres(2) */
i64 sys_clock_getres(u64 id, u64 out)
{
	struct ts t = { 0, id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE ? COARSE : 1 };
	return out ? to_user(out, &t, sizeof t) : 0;
}

/* gettimeofday(2). There is no time zone. */
i64 sys_gettimeofday(u64 out)
{
	u64 ns = now_real();
	i64 tv[2] = { ns / SEC, ns % SEC / USEC };
	return out ? to_user(out, tv, sizeof tv) : 0;
}

/* time(2) */
i64 sys_time(u64 out)
{
	i64 s = now_real() / SEC;
	return out && to_user(out, &s, 8) ? -EFAULT : s;
}

/* The rest after a signal is not told: a call that is tried again keeps its deadline, and EINTR
 * leaves out untouched. */
i64 sys_clock_nanosleep(u64 id, u64 flags, u64 in, u64 out)
{
	u64 ns;
	(void)out;
	i64 r = user_time(in, &ns);
	if (r)
		return r;
	if (!SELF->retrying && flags & TIMER_ABSTIME) {
		u64 now = id == CLOCK_REALTIME ? now_real() : now_mono();
		ns = ns > now ? ns - now : 0;
	}
	if (!SELF->retrying && !ns)
		return 0;
	r = block(ns);
	return r == -ETIMEDOUT ? 0 : r;
}

/* nanosleep(2) is on the monotonic clock in Linux. */
i64 sys_nanosleep(u64 in, u64 out) { return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, in, out); }

/* All CPU time counts as user time: the host does not tell the libOS's from the guest's. */
i64 sys_times(u64 out)
{
	u64 t[4] = { clock_ns(CLOCK_PROCESS_CPUTIME_ID) / TICK, 0, 0, 0 };
	if (out && to_user(out, t, sizeof t))
		return -EFAULT;
	return now_mono() / TICK;
}
