/* time.c: clocks and sleeping. All deadlines inside are in now_mono(). */
#include "core/state.h"

struct ts { i64 sec, nsec; };

static i64 host_clock(u64 id, struct ts *t)
{
	int (*f)(u64, struct ts *) = (void *)HOST->vdso_clock;
	/* Realtime, monotonic, raw, coarse, boottime, TAI: a vDSO passes on the others by a system call of its own. */
	if (f && id < 12 && 0x8f3u >> id & 1 && f(id, t) == 0)
		return 0;
	return hostcall(__NR_clock_gettime, id, (u64)t, 0, 0, 0, 0);
}

static u64 read_ns(u64 id)
{
	struct ts t = { 0, 0 };
	host_clock(id, &t);
	return (u64)t.sec * 1000000000 + t.nsec;
}

u64 now_mono(void) { return read_ns(1) + S->mono_offset; }
u64 now_real(void) { return read_ns(0); }

i64 sys_clock_gettime(u64 id, u64 out)
{
	struct ts t;
	if (id >= 12 || id == 10)
		/* CPU clocks of threads and processes by number: there is one host thread. */
		id = id & 4 ? 3 : 2;
	if (host_clock(id, &t))
		return -EINVAL;
	if (S->mono_offset && id != 0 && id != 5 && id != 2 && id != 3 && id != 11) {
		u64 ns = (u64)t.sec * 1000000000 + t.nsec + S->mono_offset;
		t = (struct ts){ ns / 1000000000, ns % 1000000000 };
	}
	return to_user(out, &t, sizeof t);
}

i64 sys_clock_getres(u64 id, u64 out)
{
	struct ts t = { 0, id == 5 || id == 6 ? 4000000 : 1 };
	return out ? to_user(out, &t, sizeof t) : 0;
}

i64 sys_gettimeofday(u64 out)
{
	u64 ns = now_real();
	i64 tv[2] = { ns / 1000000000, ns % 1000000000 / 1000 };
	return out ? to_user(out, tv, sizeof tv) : 0;
}

i64 sys_time(u64 out)
{
	i64 s = now_real() / 1000000000;
	return out && to_user(out, &s, 8) ? -EFAULT : s;
}

i64 sys_clock_nanosleep(u64 id, u64 flags, u64 in, u64 out)
{
	struct ts t;
	(void)out; /* the rest after a signal: a retried sleep keeps its deadline, EINTR leaves it untouched */
	if (from_user(&t, in, sizeof t))
		return -EFAULT;
	if (t.sec < 0 || (u64)t.nsec >= 1000000000)
		return -EINVAL;
	u64 ns = MIN((u64)t.sec, 4000000000ull) * 1000000000 + t.nsec;
	if (!SELF->retrying && flags & 1) {
		u64 now = id == 0 ? now_real() : now_mono();
		ns = ns > now ? ns - now : 0;
	}
	if (!SELF->retrying && !ns)
		return 0;
	i64 r = block(ns);
	return r == -ETIMEDOUT ? 0 : r;
}

i64 sys_nanosleep(u64 in, u64 out) { return sys_clock_nanosleep(1, 0, in, out); }

i64 sys_times(u64 out)
{
	u64 ticks = read_ns(2) / 10000000;
	u64 t[4] = { ticks, 0, 0, 0 };
	if (out && to_user(out, t, sizeof t))
		return -EFAULT;
	return now_mono() / 10000000;
}
