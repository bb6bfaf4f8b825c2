/*
 * sched.c: guest threads take turns on one host thread.
 *
 * A call that cannot be answered returns BLOCKED; its thread is parked with the registers it trapped with, and the whole
 * call is tried again when S->changes has moved (something was written, closed, connected, or the host sent something) or
 * its deadline passed. So a blocked call needs no state of its own but deadline and progress, and a capture finds none on a
 * stack. Only futex waits are woken by name. When no thread can run, the host thread sleeps: that is the capture point.
 */
#include "core/state.h"
#include "sched/signal.h"

struct thread *thread_new(void)
{
	u64 size = PAGE_UP(sizeof(struct thread) + HOST->xsave_size + 64);
	if (HOST->max_threads && S->pub.threads >= HOST->max_threads)
		return NULL;
	for (u32 i = 0; i < MAX_THREADS; i++) {
		struct thread *t = S->threads[i];
		if (!t) {
			t = (void *)region_alloc(size, V_LIBOS);
			if (!t)
				return NULL;
			S->threads[i] = t;
		}
		if (t->state == T_FREE) {
			memset(t, 0, sizeof *t);
			t->state = T_RUN;
			t->alt.flags = 2;
			/* As on Linux, the first thread's id is the process's. The others' are no process's: a restore gives
			 * the process another one, which no thread may have already. */
			t->tid = S->next_tid ? S->next_tid : HOST->pid;
			S->next_tid = S->next_tid && S->next_tid + 1 < UC_PID_MAX ? S->next_tid + 1 : UC_TID_MIN;
			S->nthreads = MAX(S->nthreads, i + 1);
			S->pub.threads++;
			return t;
		}
	}
	return NULL;
}

void thread_exit(void)
{
	struct thread *t = SELF;
	owner_exit();
	if (t->ctid) {
		u32 zero = 0;
		to_user(t->ctid, &zero, 4);
		futex_wake(t->ctid, 1, ~0u);
	}
	t->state = T_FREE;
	while (S->nthreads && S->threads[S->nthreads - 1]->state == T_FREE)
		S->nthreads--;
	if (!--S->pub.threads)
		uc_end(UC_EXIT_OK, 0, "the last thread ended");
	schedule();
}

static u64 fp_area(u64 *regs, u32 *len)
{
	u64 p = regs[23];
	*len = 0;
	if (p) {
		const u32 *sw = (const u32 *)(p + 464);
		*len = sw[0] == 0x46505853 ? sw[1] : 512;
		if (*len > HOST->xsave_size + 4)
			uc_panic("XSAVE area", *len);
	}
	return p;
}

/* How much of an XSAVE area says anything: components above the highest one in use are at their initial values. */
static u64 fp_used(u64 fp, u32 len)
{
	u64 in_use = len > 576 ? *(const u64 *)(fp + 512) : 0;
	return MIN((u64)len, !(in_use & ~3ull) ? 576 : !(in_use & ~7ull) ? 832 : len);
}

static void save(struct thread *t)
{
	u64 fp = fp_area(S->frame, &t->fp_len);
	memcpy(t->regs, S->frame, sizeof t->regs);
	memcpy(t->fp, (void *)fp, fp_used(fp, t->fp_len));
}

static void load(u32 i)
{
	struct thread *t = S->threads[i];
	u64 segments = S->frame[CSGSFS];
	memcpy(S->frame, t->regs, sizeof t->regs);
	S->frame[CSGSFS] = segments;
	u64 fp = S->frame[23];
	if (S->owner != i + 1 && t->fp_len) {
		memcpy((void *)fp, t->fp, fp_used((u64)t->fp, t->fp_len));
		if (t->fp_len > 576)
			*(u32 *)(fp + t->fp_len - 4) = 0x46505845; /* FP_XSTATE_MAGIC2 */
	}
	t->state = T_RUN;
	S->owner = 0;
	S->cur = i;
	if (t->fs != S->host_fs)
		host_set_fs(t->fs);
}

void park(u32 state)
{
	save(SELF);
	SELF->state = state;
	S->owner = S->cur + 1; /* if it is the next to run, its floating point state is in the frame still */
}

void changed(void) { S->changes++; }

i64 block(u64 ns)
{
	struct thread *t = SELF;
	if (!t->retrying)
		t->deadline = ns == FOREVER ? 0 : now_mono() + ns;
	else if (t->deadline && now_mono() >= t->deadline)
		return -ETIMEDOUT;
	return BLOCKED;
}

/* Tries to get thread i to where it can run. */
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
		late = *now >= t->deadline;
	}
	i64 v;
	if (signal_interrupts(t)) {
		v = t->progress ? (i64)t->progress : signal_restarts(t) ? -512 : -EINTR;
	} else if (t->state == T_FUTEX) {
		if (!late)
			return 0;
		v = -ETIMEDOUT;
	} else {
		if (!late && t->seen == S->changes)
			return 0;
		u32 was = S->cur;
		S->cur = i;
		t->retrying = 1;
		t->seen = S->changes;
		v = dispatch(t->regs[RAX], t->regs);
		t->retrying = 0;
		S->cur = was;
		if (v == BLOCKED)
			return 0;
	}
	if (v == -512)
		t->regs[RIP] -= 2; /* back onto the syscall instruction; RAX still holds the number */
	else
		t->regs[RAX] = v;
	t->deadline = t->progress = 0;
	t->state = T_RUN;
	return 1;
}

u64 next_deadline(void)
{
	u64 best = S->itimer_deadline;
	for (u32 i = 0; i < S->nthreads; i++) {
		struct thread *t = S->threads[i];
		if (t->state > T_RUN && t->deadline && (!best || t->deadline < best))
			best = t->deadline;
	}
	file_deadlines(&best);
	return best;
}

static void idle(void)
{
	u64 best = next_deadline();
	if (!best && !S->want_out)
		host_sleep();
	u64 now = now_mono();
	S->last_mono = now;
	i64 wait = !best ? -1 : best > now ? (i64)(best - now) : 0;
	if (host_poll(wait, S->want_out))
		host_receive();
	if (best && now_mono() >= best)
		changed(); /* a timerfd may have become readable */
}

void schedule(void)
{
	S->resched = 0;
	for (;;) {
		u64 now = 0, changes = S->changes;
		signal_timers();
		u32 n = S->nthreads;
		for (u32 k = 1; k <= n; k++) {
			u32 i = (S->cur + k) % n;
			if (ready(i, &now)) {
				load(i);
				return;
			}
		}
		/* A call that is still blocked may have moved bytes that another one waits for. */
		if (S->changes == changes)
			idle();
	}
}

/* The tick, or the end of a call during which it came: give others a turn if there is one who wants it. */
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
	host_receive();
	if (next_deadline())
		changed();
	park(T_RUN);
	schedule();
}

/* ---- Calls ---- */

i64 sys_sched_yield(void)
{
	S->frame[RAX] = 0;
	park(T_RUN);
	schedule();
	return REPLACED;
}

i64 sys_set_tid_address(u64 a)
{
	SELF->ctid = a;
	return SELF->tid;
}

i64 sys_gettid(void) { return S->cur ? SELF->tid : HOST->pid; }

i64 sys_exit(void)
{
	thread_exit();
	return REPLACED;
}

i64 sys_exit_group(u64 code)
{
	uc_end(UC_EXIT_OK, code & 255, "exit");
}

#define CLONE_VM             0x100
#define CLONE_VFORK          0x4000
#define CLONE_THREAD         0x10000
#define CLONE_SETTLS         0x80000
#define CLONE_PARENT_SETTID  0x100000
#define CLONE_CHILD_CLEARTID 0x200000
#define CLONE_CHILD_SETTID   0x1000000

static i64 clone(u64 flags, u64 stack, u64 ptid, u64 ctid, u64 tls)
{
	if (!(flags & CLONE_THREAD) || !(flags & CLONE_VM))
		return -EPERM; /* fork, vfork: as where a seccomp profile forbids them */
	struct thread *me = SELF, *t = thread_new();
	if (!t)
		return -EAGAIN;
	u32 saved = me->state;
	save(me);
	me->state = saved;
	memcpy(t->regs, me->regs, sizeof t->regs);
	memcpy(t->fp, me->fp, me->fp_len);
	t->fp_len = me->fp_len;
	t->regs[RAX] = 0;
	t->regs[RSP] = stack;
	t->fs = flags & CLONE_SETTLS ? tls : me->fs;
	t->ctid = flags & CLONE_CHILD_CLEARTID ? ctid : 0;
	t->mask = me->mask;
	memcpy(t->name, me->name, sizeof t->name);
	if (flags & CLONE_PARENT_SETTID)
		to_user(ptid, &t->tid, 4);
	if (flags & CLONE_CHILD_SETTID)
		to_user(ctid, &t->tid, 4);
	return t->tid;
}

i64 sys_clone(u64 flags, u64 stack, u64 ptid, u64 ctid, u64 tls) { return clone(flags, stack, ptid, ctid, tls); }

i64 sys_clone3(u64 args, u64 size)
{
	u64 a[8];
	if (size < sizeof a)
		return -EINVAL;
	if (from_user(a, args, sizeof a))
		return -EFAULT;
	/* flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls */
	return clone(a[0], a[5] + a[6], a[3], a[2], a[7]);
}
