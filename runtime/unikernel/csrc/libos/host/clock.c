/*
 * clock.c: the host's clocks.
 *
 * The host's vDSO answers most clocks without a system call; the tender says where it lies
 * (uc_host.vdso_clock). A monotonic clock must not run backwards when a snapshot is restored after
 * a reboot of the host: S->mono_offset, which the guest's own vDSO adds too, makes up for the
 * difference.
 */
#include "base/state.h"
#include "host/clock.h"

#define CLOCKS 12 /* ids from here on are of threads and processes by number */
#define BIT(clock) (1u << (clock))
/* What a vDSO answers itself. It passes on the others by a system call of its own, which the filter
 * would trap. */
#define BY_VDSO \
	(BIT(CLOCK_REALTIME) | BIT(CLOCK_MONOTONIC) | BIT(CLOCK_MONOTONIC_RAW) | BIT(CLOCK_REALTIME_COARSE) | \
		BIT(CLOCK_MONOTONIC_COARSE) | BIT(CLOCK_BOOTTIME) | BIT(CLOCK_TAI))

i64 host_clock(u64 id, struct ts *t)
{
	int (*f)(u64, struct ts *) = (void *)HOST->vdso_clock;
	if (f && id < CLOCKS && BY_VDSO >> id & 1 && f(id, t) == 0)
		return 0;
	return hostcall(__NR_clock_gettime, id, (u64)t, 0, 0, 0, 0);
}

/* A clock that there is not reads as 0. */
u64 clock_ns(u64 id)
{
	struct ts t = { 0, 0 };
	host_clock(id, &t);
	return (u64)t.sec * SEC + t.nsec;
}

u64 now_mono(void) { return clock_ns(CLOCK_MONOTONIC) + S->mono_offset; }
u64 now_real(void) { return clock_ns(CLOCK_REALTIME); }

/* The kernel's timespec64_valid refuses the same values. */
i64 time_ns(struct ts t, u64 *ns)
{
	if (t.sec < 0 || (u64)t.nsec >= SEC)
		return -EINVAL;
	*ns = (u64)t.sec >= SECONDS_MAX ? SECONDS_MAX * SEC : (u64)t.sec * SEC + t.nsec;
	return 0;
}

i64 user_time(u64 p, u64 *ns)
{
	struct ts t;
	return from_user(&t, p, sizeof t) ? -EFAULT : time_ns(t, ns);
}
