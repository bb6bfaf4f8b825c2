/*
 * clone.c: how threads begin and end (clone(2), exit(2), set_tid_address(2)).
 *
 * A UC is one process: clone makes threads, and a process is refused as a seccomp profile would,
 * with EPERM.
 */
#include "base/state.h"
#include "host/host.h"
#include "sched/futex.h"

/* Wakes whoever joins the thread: the C library waits at the address that set_tid_address or
 * CLONE_CHILD_CLEARTID named. */
static void thread_exit(void)
{
	struct thread *t = SELF;
	owner_exit();
	if (t->ctid) {
		u32 zero = 0;
		to_user(t->ctid, &zero, 4); /* memory that is gone is nobody's to wait at */
		futex_wake(t->ctid, 1, ~0u);
	}
	t->state = T_FREE;
	/* The scheduler looks at the slots in use alone. */
	while (S->nthreads && S->threads[S->nthreads - 1]->state == T_FREE)
		S->nthreads--;
	if (!--S->pub.threads)
		uc_end(UC_EXIT_OK, 0, "the last thread ended");
}

/* exit(2) of one thread; the process ends with its last one. */
i64 sys_exit(void)
{
	thread_exit();
	return PARKED;
}

/* exit_group(2). The status has eight bits. */
i64 sys_exit_group(u64 code) { uc_end(UC_EXIT_OK, code & 255, "exit"); }

/* sched_yield(2): the thread can run, and waits for its turn. */
i64 sys_sched_yield(void)
{
	S->frame[RAX] = 0;
	park(T_RUN);
	return PARKED;
}

/* set_tid_address(2) */
i64 sys_set_tid_address(u64 a)
{
	SELF->ctid = a;
	return SELF->tid;
}

/* The first thread's id is the process's present one: programs compare the two to know that they
 * are the main thread. */
i64 sys_gettid(void) { return S->cur ? SELF->tid : HOST->pid; }

static i64 clone(u64 flags, u64 stack, u64 ptid, u64 ctid, u64 tls)
{
	if (!(flags & CLONE_THREAD) || !(flags & CLONE_VM))
		return -EPERM;
	struct thread *me = SELF, *t = thread_new();
	if (!t)
		return -EAGAIN;
	/* The caller goes on; its slot serves as the place to copy registers from. */
	thread_save(me);
	memcpy(t->regs, me->regs, sizeof t->regs);
	memcpy(t->fp, me->fp, me->fp_len);
	t->fp_len = me->fp_len;
	t->regs[RAX] = 0;
	/* The new thread returns from the same call, with 0, on its own stack. */
	t->regs[RSP] = stack;
	t->fs = flags & CLONE_SETTLS ? tls : me->fs;
	t->ctid = flags & CLONE_CHILD_CLEARTID ? ctid : 0;
	/* A new thread has its creator's signal mask: pthread_create(3). */
	t->mask = me->mask;
	memcpy(t->name, me->name, sizeof t->name);
	/* As in the kernel, an id that cannot be told is no reason to fail. */
	if (flags & CLONE_PARENT_SETTID)
		to_user(ptid, &t->tid, 4);
	if (flags & CLONE_CHILD_SETTID)
		to_user(ctid, &t->tid, 4);
	return t->tid;
}

/* clone(2), x86-64: the order of the arguments. */
i64 sys_clone(u64 flags, u64 stack, u64 ptid, u64 ctid, u64 tls) { return clone(flags, stack, ptid, ctid, tls); }

/* clone3(2): stack is the lowest address. Fields beyond the first version are not looked at. */
i64 sys_clone3(u64 args, u64 size)
{
	struct clone_args a;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (from_user(&a, args, CLONE_ARGS_SIZE_VER0))
		return -EFAULT;
	return clone(a.flags, a.stack + a.stack_size, a.parent_tid, a.child_tid, a.tls);
}
