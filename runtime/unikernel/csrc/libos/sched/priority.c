/*
 * priority.c: whom the scheduler prefers, and who belongs to which group: sched(7), nice(2),
 * credentials(7).
 *
 * Threads take turns here on one processor, each for a tick, so no policy and no nice value changes
 * who runs. What a program may set as an ordinary user is checked as on Linux and remembered where
 * it can be read back; what needs CAP_SYS_NICE is refused with EPERM, because a program that asks
 * for real time should learn that it has none.
 *
 * Groups are remembered, since programs that drop their rights look whether it worked; they guard
 * nothing, as there is one user.
 */
#include "base/state.h"
#include "sched/signal.h"

#define REALTIME_MAX 99
#define GROUPS_MAX COUNT(S->groups)

#define PARENT 1 /* what getppid says */

/* The process, its parent, or one of the threads. */
static int known(u64 pid)
{
	return !(u32)pid || (u32)pid == HOST->pid || (u32)pid == PARENT || thread_by_tid((u32)pid);
}

/* Policies that have priorities, and that need CAP_SYS_NICE. */
static int realtime(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

/* sched(7), without SCHED_DEADLINE, which the kernel has calls of its own for. */
static int valid(int policy)
{
	return realtime(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

/* sched_getscheduler(2): all threads have the default policy. */
i64 sys_sched_getscheduler(u64 pid) { return (i32)pid < 0 ? -EINVAL : known(pid) ? SCHED_NORMAL : -ESRCH; }

/* sched_setscheduler(2): checked as on Linux, then refused if it means anything. */
i64 sys_sched_setscheduler(u64 pid, u64 policy, u64 param)
{
	i32 priority;
	int p = (i32)policy & ~SCHED_RESET_ON_FORK;
	if ((i32)pid < 0 || (i32)policy < 0 || !param)
		return -EINVAL;
	if (from_user(&priority, param, 4))
		return -EFAULT;
	if (!known(pid))
		return -ESRCH;
	if (!valid(p) || (realtime(p) ? priority < 1 || priority > REALTIME_MAX : priority))
		return -EINVAL;
	return realtime(p) ? -EPERM : 0; /* as without CAP_SYS_NICE */
}

/* sched_getparam(2): the default policy has one priority, 0. */
i64 sys_sched_getparam(u64 pid, u64 out)
{
	u32 zero = 0;
	if ((i32)pid < 0 || !out)
		return -EINVAL;
	return known(pid) ? to_user(out, &zero, 4) : -ESRCH;
}

/* sched_setparam(2) */
i64 sys_sched_setparam(u64 pid, u64 param) { return sys_sched_setscheduler(pid, SCHED_NORMAL, param); }

/* sched_get_priority_max(2): 1 to 99 for real-time policies. */
i64 sys_sched_get_priority_max(u64 policy) { return !valid(policy) ? -EINVAL : realtime(policy) ? REALTIME_MAX : 0; }
i64 sys_sched_get_priority_min(u64 policy) { return !valid(policy) ? -EINVAL : realtime(policy); }

/* sched_rr_get_interval(2): the tick decides when another thread has its turn. */
i64 sys_sched_rr_get_interval(u64 pid, u64 out)
{
	i64 slice[2] = { 0, UC_TICK_USEC * 1000 };
	if ((i32)pid < 0)
		return -EINVAL;
	return known(pid) ? to_user(out, slice, sizeof slice) : -ESRCH;
}

/* The system call says how many bytes of the mask it wrote, unlike the function of the C library. */
i64 sys_sched_getaffinity(u64 pid, u64 n, u64 out)
{
	u64 mask = 1;
	if (n < 8)
		return -EINVAL;
	if (!known(pid))
		return -ESRCH;
	return to_user(out, &mask, 8) ? -EFAULT : 8;
}

/* sched_setaffinity(2): a mask must have the one processor in it. */
i64 sys_sched_setaffinity(u64 pid, u64 n, u64 in)
{
	u8 first = 0;
	if (!known(pid))
		return -ESRCH;
	if (n && from_user(&first, in, 1))
		return -EFAULT;
	return first & 1 ? 0 : -EINVAL; /* there is one processor, the first */
}

/* The system call says 20 - nice, so that no priority looks like an error. */
i64 sys_getpriority(u64 which, u64 who)
{
	if (which > PRIO_USER)
		return -EINVAL;
	return which == PRIO_PROCESS && !known(who) ? -ESRCH : 20 - S->nice;
}

/* setpriority(2): a value beyond the range is cut to it. */
i64 sys_setpriority(u64 which, u64 who, u64 nice)
{
	if (which > PRIO_USER)
		return -EINVAL;
	if (which == PRIO_PROCESS && !known(who))
		return -ESRCH;
	S->nice = MAX(-20, MIN(19, (i32)nice));
	return 0;
}

/* getgroups(2). With no room asked for, the number of groups. */
i64 sys_getgroups(u64 n, u64 out)
{
	if ((i32)n < 0 || (n && n < S->ngroups))
		return -EINVAL;
	return n && to_user(out, S->groups, S->ngroups * 4) ? -EFAULT : (i64)S->ngroups;
}

/* setgroups(2): the list is copied whole before it counts. */
i64 sys_setgroups(u64 n, u64 in)
{
	u32 groups[GROUPS_MAX];
	if (n > GROUPS_MAX)
		return -EINVAL;
	if (from_user(groups, in, n * 4))
		return -EFAULT;
	memcpy(S->groups, groups, n * 4);
	S->ngroups = n;
	return 0;
}
