/*
 * itimer.c: the timers of setitimer and alarm. ITIMER_REAL wakes a UC that sleeps; the other two count the CPU time of the process,
 * are looked at on the tick (UC_TICK_USEC), and so are as exact as that.
 */
#include "core/state.h"
#include "sched/signal.h"

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
enum { SIGALRM = 14, SIGVTALRM = 26, SIGPROF = 27 };
#define SEC 1000000000ull
#define BIT(sig) (1ull << ((sig) - 1))
#define CLOCK_PROCESS_CPUTIME_ID 2

static u64 cpu_time(void)
{
	u64 t[2] = { 0, 0 };
	hostcall(__NR_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, (u64)t, 0, 0, 0, 0);
	return t[0] * SEC + t[1];
}

/* In a process that the UC was restored into, CPU time begins again. */
static void rebase(struct cpu_timer *t, u64 now)
{
	if (now < t->seen && t->deadline)
		t->deadline = t->deadline > t->seen ? now + (t->deadline - t->seen) : now;
	t->seen = now;
}

static void cpu_timer(struct cpu_timer *t, int sig)
{
	if (!t->deadline)
		return;
	u64 now = cpu_time();
	rebase(t, now);
	if (now < t->deadline)
		return;
	t->deadline = t->interval ? now + t->interval : 0;
	S->proc_pending |= BIT(sig);
}

void signal_timers(void)
{
	u64 now;
	if (S->itimer_deadline && (now = now_mono()) >= S->itimer_deadline) {
		S->itimer_deadline = S->itimer_interval ? now + S->itimer_interval : 0;
		S->proc_pending |= BIT(SIGALRM);
	}
}

void signal_tick(void)
{
	cpu_timer(&S->cpu_timers[0], SIGVTALRM);
	cpu_timer(&S->cpu_timers[1], SIGPROF);
}

/* In the form of struct itimerval: interval, and what is left. */
static void show(i64 v[4], u64 interval, u64 deadline, u64 now)
{
	u64 left = deadline > now ? deadline - now : 0;
	v[0] = interval / SEC, v[1] = interval % SEC / 1000;
	v[2] = left / SEC, v[3] = left % SEC / 1000;
}

static void get(u64 which, i64 v[4])
{
	struct cpu_timer *t = &S->cpu_timers[which == ITIMER_PROF];
	if (which == ITIMER_REAL) {
		show(v, S->itimer_interval, S->itimer_deadline, now_mono());
		return;
	}
	rebase(t, cpu_time());
	show(v, t->interval, t->deadline, t->seen);
}

i64 sys_getitimer(u64 which, u64 out)
{
	i64 v[4];
	if (which > ITIMER_PROF)
		return -EINVAL;
	get(which, v);
	return to_user(out, v, sizeof v);
}

i64 sys_setitimer(u64 which, u64 in, u64 out)
{
	i64 v[4] = { 0 }, old[4];
	if (which > ITIMER_PROF)
		return -EINVAL;
	if (in && from_user(v, in, sizeof v))
		return -EFAULT;
	if (v[0] < 0 || v[2] < 0 || (u64)v[1] >= 1000000 || (u64)v[3] >= 1000000)
		return -EINVAL;
	get(which, old);
	u64 interval = v[0] * SEC + v[1] * 1000, left = v[2] * SEC + v[3] * 1000;
	if (which == ITIMER_REAL) {
		S->itimer_interval = interval;
		S->itimer_deadline = left ? now_mono() + left : 0;
	} else {
		struct cpu_timer *t = &S->cpu_timers[which == ITIMER_PROF];
		*t = (struct cpu_timer){ left ? t->seen + left : 0, interval, t->seen };
	}
	return out ? to_user(out, old, sizeof old) : 0;
}

i64 sys_alarm(u64 s)
{
	u64 now = now_mono(), left = S->itimer_deadline > now ? S->itimer_deadline - now : 0;
	S->itimer_interval = 0;
	S->itimer_deadline = s ? now + s * SEC : 0;
	return (left + SEC - 1) / SEC;
}
