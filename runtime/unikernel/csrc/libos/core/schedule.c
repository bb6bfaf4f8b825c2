/*
 * schedule.c: guest threads take turns on one host thread.
 *
 * 1. A call that cannot be answered returns BLOCKED. entry.c parks its thread with the registers it
 *    trapped with.
 * 2. The whole call is tried again when S->changes has moved (something was written, closed,
 *    connected, or the host sent something) or when its deadline has passed. So a blocked call needs
 *    no state of its own but deadline and progress, and no stack.
 * 3. Futex waits alone are woken by name: a retry of each of a thousand waiters would cost too much.
 * 4. When no thread can run, the host thread sleeps: that is the capture point. With a deadline it
 *    sleeps in ppoll, which has a time-out; without one schedule returns 0, and entry.c sleeps at the
 *    one place where a UC can be reset.
 *
 * Nothing below calls the scheduler: whoever gives the processor away parks its thread and returns PARKED to entry.c.
 */
#include "core/calls.h"
#include "base/state.h"
#include "channel/channel.h"
#include "host/clock.h"
#include "channel/inbox.h"
#include "ipc/timerfd.h"
#include "core/schedule.h"

#define SYSCALL_LENGTH 2 /* bytes of the syscall instruction */

/* What a signal makes of a blocked call: bytes that it has moved are its result; else the call
 * restarts, or ends with EINTR. */
static i64 interrupted(struct thread *t)
{
	return t->progress ? (i64)t->progress : signal_restarts(t) ? SIG_ERESTART : -EINTR;
}

/* The call of a parked thread once more, as if that thread were the running one. */
static i64 retry(u32 i)
{
	struct thread *t = S->threads[i];
	u32 was = S->cur;
	S->cur = i;
	t->retrying = 1;
	/* read before the call: what the call itself changes is a reason to try others, not this one */
	t->seen = S->changes;
	i64 v = dispatch(t->regs[RAX], t->regs);
	t->retrying = 0;
	S->cur = was;
	return v;
}

/* Tries to get thread i to where it can run. *now is read at most once a round, and only if
 * somebody has a deadline. */
static int ready(u32 i, u64 *now)
{
	struct thread *t = S->threads[i];
	if (t->state == T_RUN)
		return 1;
	if (t->state == T_FREE)
		return 0;
	int late = 0;
	if (t->deadline) {
		if (!*now)
			*now = now_mono();
		/* The wait is over, whatever the call would answer. */
		late = *now >= t->deadline;
	}
	i64 v;
	if (signal_interrupts(t)) {
		v = interrupted(t);
	} else if (t->state == T_FUTEX) {
		if (!late)
			return 0;
		v = -ETIMEDOUT;
	} else {
		/* Nothing has happened since the last attempt. */
		if (!late && t->seen == S->changes)
			return 0;
		v = retry(i);
		if (v == BLOCKED)
			return 0;
	}
	if (v == SIG_ERESTART)
		/* back onto the syscall instruction; RAX still holds the number */
		t->regs[RIP] -= SYSCALL_LENGTH;
	else
		t->regs[RAX] = v;
	t->deadline = t->progress = 0;
	t->state = T_RUN;
	return 1;
}

/* The first moment at which something happens by itself: a timer, or the end of a wait. 0: none. */
static u64 next_deadline(void)
{
	u64 best = S->itimer_deadline;
	for (u32 i = 0; i < S->nthreads; i++) {
		struct thread *t = S->threads[i];
		if (t->state > T_RUN && t->deadline && (!best || t->deadline < best))
			best = t->deadline;
	}
	timerfd_deadlines(&best);
	return best;
}

/* Sleeps until the next deadline, or until the channel has a message or, where one is wanted, room.
 * 0: only a message can help. */
static int idle(void)
{
	u64 best = next_deadline();
	if (!best && !S->want_out)
		return 0;
	u64 now = now_mono();
	/* a restore that finds an earlier time after a reboot of the host makes up for the difference */
	S->last_mono = now;
	/* No deadline means that room on the channel is waited for. */
	i64 wait = !best ? -1 : best > now ? (i64)(best - now) : 0;
	if (host_poll(wait, S->want_out))
		host_receive();
	if (best && now_mono() >= best)
		changed(); /* a timerfd may have become readable */
	return 1;
}

int schedule(void)
{
	S->resched = 0;
	for (;;) {
		u64 now = 0, changes = S->changes;
		signal_timers();
		u32 n = S->nthreads;
		/* From the thread after the running one, so that all take turns. */
		for (u32 k = 1; k <= n; k++) {
			u32 i = (S->cur + k) % n;
			if (ready(i, &now)) {
				thread_load(i);
				return 1;
			}
		}
		/* A call that is still blocked may have moved bytes that another one waits for. */
		if (S->changes == changes && !idle())
			return 0;
	}
}

/* The tick, or the end of a call during which it came. The running thread keeps its turn if there
 * is no other. */
void preempt(void)
{
	S->resched = 0;
	signal_timers();
	signal_tick();
	int others = 0;
	for (u32 i = 0; i < S->nthreads; i++)
		others |= i != S->cur && S->threads[i]->state != T_FREE;
	if (!others)
		return;
	host_receive(); /* a thread that computes must not keep another from its message */
	if (next_deadline())
		changed();
	park(T_RUN);
	schedule();
}
