/*
 * itimer.c: the timers of setitimer and alarm (setitimer(2), alarm(2)).
 *
 * ITIMER_REAL wakes a UC that sleeps: the scheduler's next deadline counts it in. The other two
 * count the CPU time of the process, are looked at on the tick (UC_TICK_USEC), and so are as exact
 * as that.
 */
#include "base/state.h"
#include "host/clock.h"

/* In a process that the UC was restored into, CPU time begins again: what was left of the timer is
 * left still. */
static void rebase(struct cpu_timer *t, u64 now)
{
	if (now < t->seen && t->deadline)
		t->deadline = t->deadline > t->seen ? now + (t->deadline - t->seen) : now;
	t->seen = now;
}

/* setitimer(2): the signal goes to the process, and no thread in particular. */
static void cpu_timer(struct cpu_timer *t, int sig)
{
	if (!t->deadline)
		return;
	u64 now = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	rebase(t, now);
	if (now < t->deadline)
		return;
	/* The next period begins now, not at the deadline: periods that no tick saw give no signals. */
	t->deadline = t->interval ? now + t->interval : 0;
	S->proc_pending |= SIGBIT(sig);
}

/* Signals do not queue: several periods that passed while the UC slept are one signal. */
void signal_timers(void)
{
	u64 now;
	if (S->itimer_deadline && (now = now_mono()) >= S->itimer_deadline) {
		S->itimer_deadline = S->itimer_interval ? now + S->itimer_interval : 0;
		S->proc_pending |= SIGBIT(SIGALRM);
	}
}

/* setitimer(2) gives ITIMER_VIRTUAL the user time alone. Here both timers count all CPU time of the process. */
void signal_tick(void)
{
	cpu_timer(&S->cpu_timers[0], SIGVTALRM);
	cpu_timer(&S->cpu_timers[1], SIGPROF);
}

struct itimer {
	i64 sec, usec, value_sec, value_usec;
}; /* struct itimerval */

/* Times are told in microseconds, rounded down; a timer that is due reads as 0. */
static struct itimer shown(u64 interval, u64 deadline, u64 now)
{
	u64 left = deadline > now ? deadline - now : 0;
	return (struct itimer){ interval / SEC, interval % SEC / USEC, left / SEC, left % SEC / USEC };
}

/* The state of one timer now. */
static struct itimer get(u64 which)
{
	struct cpu_timer *t = &S->cpu_timers[which == ITIMER_PROF];
	if (which == ITIMER_REAL)
		return shown(S->itimer_interval, S->itimer_deadline, now_mono());
	rebase(t, clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	return shown(t->interval, t->deadline, t->seen);
}

/* getitimer(2) */
i64 sys_getitimer(u64 which, u64 out)
{
	if (which > ITIMER_PROF)
		return -EINVAL;
	struct itimer v = get(which);
	return to_user(out, &v, sizeof v);
}

/* setitimer(2). A timer that is set to 0 is disarmed, whatever its interval. */
i64 sys_setitimer(u64 which, u64 in, u64 out)
{
	struct itimer v = { 0 }, old;
	if (which > ITIMER_PROF)
		return -EINVAL;
	/* Linux takes a missing new value for one of zeros, which disarms the timer. */
	if (in && from_user(&v, in, sizeof v))
		return -EFAULT;
	/* Negative microseconds are large numbers without a sign, so one comparison refuses both. */
	if (v.sec < 0 || v.value_sec < 0 || (u64)v.usec >= SEC / USEC || (u64)v.value_usec >= SEC / USEC)
		return -EINVAL;
	/* get also brings t->seen up to date, from which the new deadline counts. */
	old = get(which);
	u64 interval = MIN((u64)v.sec, SECONDS_MAX) * SEC + v.usec * USEC;
	u64 left = MIN((u64)v.value_sec, SECONDS_MAX) * SEC + v.value_usec * USEC;
	if (which == ITIMER_REAL) {
		S->itimer_interval = interval;
		S->itimer_deadline = left ? now_mono() + left : 0;
	} else {
		struct cpu_timer *t = &S->cpu_timers[which == ITIMER_PROF];
		*t = (struct cpu_timer){ left ? t->seen + left : 0, interval, t->seen };
	}
	return out ? to_user(out, &old, sizeof old) : 0;
}

/* What was left of the last alarm, in seconds, rounded up: 0 means that there was none. */
i64 sys_alarm(u64 s)
{
	u64 now = now_mono(), left = S->itimer_deadline > now ? S->itimer_deadline - now : 0;
	/* alarm(2): alarm and setitimer share one timer. */
	S->itimer_interval = 0;
	S->itimer_deadline = s ? now + s * SEC : 0;
	return (left + SEC - 1) / SEC;
}
