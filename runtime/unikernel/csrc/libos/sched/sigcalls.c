/*
 * sigcalls.c: the system calls about signals: sigaction(2), sigprocmask(2), sigaltstack(2),
 * kill(2), tgkill(2), sigsuspend(2), sigtimedwait(2).
 *
 * There is one process, so a signal to it and a signal to its group are the same, and nobody
 * outside can send one. A signal to the process is a bit of S->proc_pending, which the next thread
 * that does not block it takes; one to a thread is a bit of its own. Signals do not queue,
 * real-time ones neither: several of one number that come before the handler runs are one.
 *
 * Every call that reads a structure of the guest reads all of it into a copy before anything
 * changes. A pointer whose memory ends half-way leaves action, mask and signal stack as they were.
 */
#include "base/state.h"
#include "host/clock.h"

#define SET_SIZE sizeof(u64) /* bytes of sigset_t, which every call says */

/* sigaction(2). The action of SIGKILL and SIGSTOP can be read and not set. */
i64 sys_rt_sigaction(u64 sig, u64 in, u64 out, u64 size)
{
	struct ksigaction *a = &S->sigactions[sig], old, new;
	if (sig < 1 || sig > SIGNALS || size != SET_SIZE)
		return -EINVAL;
	old = *a;
	if (in) {
		if (sig == SIGKILL || sig == SIGSTOP)
			return -EINVAL;
		if (from_user(&new, in, sizeof new)) /* whole, before anything of the entry changes */
			return -EFAULT;
		new.mask &= ~NEVER_BLOCKED;
		*a = new;
	}
	return out ? to_user(out, &old, sizeof old) : 0;
}

/* sigprocmask(2) of the calling thread. */
i64 sys_rt_sigprocmask(u64 how, u64 in, u64 out, u64 size)
{
	u64 old = SELF->mask, set;
	if (size != SET_SIZE)
		return -EINVAL;
	if (in) {
		if (from_user(&set, in, sizeof set))
			return -EFAULT;
		/* The three values of how are 0, 1 and 2: <asm/signal.h>. */
		if (how > SIG_SETMASK)
			return -EINVAL;
		SELF->mask = (how == SIG_BLOCK ? old | set : how == SIG_UNBLOCK ? old & ~set : set) & ~NEVER_BLOCKED;
	}
	return out ? to_user(out, &old, sizeof old) : 0;
}

/* sigpending(2): what has come and is blocked. */
i64 sys_rt_sigpending(u64 out)
{
	u64 set = (SELF->pending | S->proc_pending) & SELF->mask;
	return to_user(out, &set, sizeof set);
}

/* sigaltstack(2). The thread's own stack; nothing of it is known to the host. */
i64 sys_sigaltstack(u64 in, u64 out)
{
	struct thread *t = SELF;
	struct kstack s = t->alt;
	u64 sp = S->frame[RSP];
	/* The stack grows down: its first byte belongs to the one below. */
	if (t->alt.size && sp > s.sp && sp <= s.sp + s.size)
		s.flags = SS_ONSTACK;
	if (out && to_user(out, &s, sizeof s))
		return -EFAULT;
	if (in) {
		if (s.flags == SS_ONSTACK)
			return -EPERM; /* the thread stands on it */
		if (from_user(&s, in, sizeof s))
			return -EFAULT;
		if (s.flags & ~(SS_ONSTACK | SS_DISABLE | SS_AUTODISARM))
			return -EINVAL;
		/* sigaltstack(2), ENOMEM: the least is 2048 bytes (<asm/signal.h>). */
		if (!(s.flags & SS_DISABLE) && s.size < MINSIGSTKSZ)
			return -ENOMEM;
		t->alt = s.flags & SS_DISABLE ? (struct kstack){ 0, SS_DISABLE, 0 } : (struct kstack){ s.sp, 0, s.size };
	}
	return 0;
}

/* ---- Sending ---- */

/* A blocked call looks at signals when it is tried again: so something has changed. */
i64 signal_post(struct thread *t, u64 sig)
{
	if (sig > SIGNALS)
		return -EINVAL;
	if (!sig)
		return 0; /* asks only whether there is somebody */
	if (sig == SIGKILL)
		signal_die(SIGKILL, 0, 0);
	if (sig == SIGSTOP)
		return 0; /* nobody could continue it */
	*(t ? &t->pending : &S->proc_pending) |= SIGBIT(sig);
	changed();
	return 0;
}

/* tgkill(2) */
i64 sys_tgkill(u64 pid, u64 tid, u64 sig)
{
	struct thread *t = thread_by_tid((u32)tid);
	(void)pid; /* before a restore it had another value, which the guest may remember */
	return t ? signal_post(t, sig) : -ESRCH;
}

i64 sys_tkill(u64 tid, u64 sig) { return sys_tgkill(0, tid, sig); }

/* kill(2). A negative number is a group: this process's own is the only one. */
i64 sys_kill(u64 pid, u64 sig)
{
	i32 p = pid;
	if (p == (i32)HOST->pid || p == 0 || p == -(i32)HOST->pid || (u32)p == S->threads[0]->tid)
		return signal_post(NULL, sig);
	return p == -1 ? -EPERM : -ESRCH;
}

/* ---- Waiting ---- */

/* The old mask comes back when the handler has run, or when the call ends without one
 * (signal_deliver). A retry must not take the new mask for the old one. */
void signal_wait_under(u64 set)
{
	if (SELF->retrying)
		return;
	SELF->saved_mask = SELF->mask;
	SELF->has_saved_mask = 1;
	SELF->mask = set & ~NEVER_BLOCKED;
}

/* No pointer means that the mask stays. */
i64 signal_wait_mask(u64 p, u64 size, struct wait_mask *m)
{
	*m = (struct wait_mask){ .given = p != 0 };
	if (!p)
		return 0;
	return size != SET_SIZE ? -EINVAL : from_user(&m->set, p, sizeof m->set) ? -EFAULT : 0;
}

/* sigsuspend(2) */
i64 sys_rt_sigsuspend(u64 in, u64 size)
{
	u64 set;
	i64 r = size != SET_SIZE ? -EINVAL : from_user(&set, in, sizeof set) ? -EFAULT : 0;
	if (r)
		return r;
	signal_wait_under(set);
	return block(FOREVER);
}

/* pause(2): a handler ends it. */
i64 sys_pause(void) { return block(FOREVER); }

/* sigtimedwait(2): takes a signal without a handler. One that comes while it waits lets the call be
 * tried again. */
i64 sys_rt_sigtimedwait(u64 in, u64 info, u64 timeout)
{
	u64 set;
	u64 ns = FOREVER;
	if (from_user(&set, in, sizeof set))
		return -EFAULT;
	i64 r = timeout ? user_time(timeout, &ns) : 0;
	if (r)
		return r;
	u64 got = (SELF->pending | S->proc_pending) & set;
	if (got) {
		int sig = 1 + __builtin_ctzll(got);
		siginfo_t i = { .si_signo = sig };
		SELF->pending &= ~SIGBIT(sig), S->proc_pending &= ~SIGBIT(sig);
		return info && to_user(info, &i, sizeof i) ? -EFAULT : sig;
	}
	r = block(ns);
	return r == -ETIMEDOUT ? -EAGAIN : r; /* sigtimedwait(2) */
}
