/*
 * priority.c: whom the scheduler prefers, and who belongs to which group. Threads take turns here on one processor, so most of it is
 * remembered, checked as on Linux, and changes nothing.
 */
#include "core/state.h"
#include "sched/signal.h"

#define REALTIME_MAX 99
#define GROUPS_MAX COUNT(S->groups)

#define PARENT 1 /* what getppid says */

static int known(u64 pid)
{
	return !(u32)pid || (u32)pid == HOST->pid || (u32)pid == PARENT || thread_by_tid((u32)pid);
}

static int realtime(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

static int valid(int policy) { return realtime(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE; }

i64 sys_sched_getscheduler(u64 pid) { return (i32)pid < 0 ? -EINVAL : known(pid) ? SCHED_NORMAL : -ESRCH; }

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

i64 sys_sched_getparam(u64 pid, u64 out)
{
	u32 zero = 0;
	if ((i32)pid < 0 || !out)
		return -EINVAL;
	return known(pid) ? to_user(out, &zero, 4) : -ESRCH;
}

i64 sys_sched_setparam(u64 pid, u64 param) { return sys_sched_setscheduler(pid, SCHED_NORMAL, param); }

i64 sys_sched_get_priority_max(u64 policy) { return !valid(policy) ? -EINVAL : realtime(policy) ? REALTIME_MAX : 0; }
i64 sys_sched_get_priority_min(u64 policy) { return !valid(policy) ? -EINVAL : realtime(policy); }

i64 sys_sched_rr_get_interval(u64 pid, u64 out)
{
	i64 slice[2] = { 0, UC_TICK_USEC * 1000 };
	if ((i32)pid < 0)
		return -EINVAL;
	return known(pid) ? to_user(out, slice, sizeof slice) : -ESRCH;
}

i64 sys_sched_getaffinity(u64 pid, u64 n, u64 out)
{
	u64 mask = 1;
	if (n < 8)
		return -EINVAL;
	if (!known(pid))
		return -ESRCH;
	return to_user(out, &mask, 8) ? -EFAULT : 8;
}

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

i64 sys_setpriority(u64 which, u64 who, u64 nice)
{
	if (which > PRIO_USER)
		return -EINVAL;
	if (which == PRIO_PROCESS && !known(who))
		return -ESRCH;
	S->nice = MAX(-20, MIN(19, (i32)nice));
	return 0;
}

i64 sys_getgroups(u64 n, u64 out)
{
	if ((i32)n < 0 || (n && n < S->ngroups))
		return -EINVAL;
	return n && to_user(out, S->groups, S->ngroups * 4) ? -EFAULT : (i64)S->ngroups;
}

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
