/*
 * clock.h: the time. Every deadline inside the libOS is in now_mono(), in nanoseconds.
 *
 * 0 as a deadline means that there is none: the monotonic clock is never 0 on a host that runs.
 */
#ifndef CLOCK_H
#define CLOCK_H
#include "base/libos.h"

struct ts {
	i64 sec, nsec;
}; /* struct timespec of 64-bit Linux */

i64 host_clock(u64 id, struct ts *t); /* 0, or -errno for a clock that there is not */
u64 clock_ns(u64 id); /* id: CLOCK_* of <linux/time.h> */
u64 now_mono(void); /* never runs backwards, not even over a restore after a reboot of the host */
u64 now_real(void); /* since the epoch */
i64 time_ns(struct ts t, u64 *ns); /* 0, or -EINVAL for a time that is none */
i64 user_time(u64 p, u64 *ns); /* likewise, of a struct timespec of the guest at p; -EFAULT */
#endif
