/*
 * process.c: who and what the process is: ids, limits, names, resources: credentials(7), prctl(2),
 * getrlimit(2), getrusage(2), sysinfo(2), uname(2).
 *
 * There is one process, root of its own little world. The ids are all zero, and no capability is
 * effective: a program may believe that it owns all files, and must not believe that it can change
 * the machine. Its limits are the platform's; what a guest sets is accepted and not remembered,
 * because nothing here would enforce it.
 *
 * Memory and time are told as the platform counts them: memory by what is charged (vma.c), CPU time
 * by the host process's clock.
 */
#include "base/state.h"
#include "host/clock.h"
#include "host/host.h"

/* The present id: after a restore it is another one than the guest may remember (uc_host.pid). */
i64 sys_getpid(void) { return HOST->pid; }
/* getppid: the parent is init, as for a process whose own parent has ended. */
i64 sys_one(void) { return 1; }
/* Calls that a container's seccomp profile forbids as well (calls.c). */
i64 sys_eperm(void) { return -EPERM; }

/* The release is that of a kernel whose calls are here; programs compare its first two numbers
 * (uname(2)). */
i64 sys_uname(u64 out)
{
	struct {
		char sysname[65], node[65], release[65], version[65], machine[65], domain[65];
	} u = { "Linux", "uc", "6.1.0-uc", "#1 LambdaBench libOS", "x86_64", "(none)" };
	return to_user(out, &u, sizeof u);
}

/* getrandom(2): the host's generator, which is always seeded; so the flags change nothing, but
 * unknown ones are refused. */
i64 sys_getrandom(u64 buf, u64 n, u64 flags)
{
	enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4, GRND_MAX = 33554431 };
	if (flags & ~(u64)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	return host_entropy_user(buf, MIN(n, GRND_MAX));
}

/* GS is the guest's to set by wrgsbase where the processor has it; by this call nobody does
 * (arch_prctl(2)). */
i64 sys_arch_prctl(u64 code, u64 a)
{
	switch (code) {
	case ARCH_SET_FS:
		SELF->fs = a;
		host_set_fs(a);
		return 0;
	case ARCH_GET_FS: return to_user(a, &SELF->fs, 8);
	default: return -EINVAL;
	}
}

/* prctl(2). What a C library and the interpreters ask for; the capabilities' bounding set is whole,
 * since there is nothing that it would bound. */
i64 sys_prctl(u64 op, u64 a)
{
	char name[16] = { 0 };
	switch (op) {
	case PR_SET_NAME:
		/* Into a copy: a fault half-way must not leave half a name. */
		if (string_user(name, a, sizeof name) == -EFAULT)
			return -EFAULT;
		name[sizeof name - 1] = 0; /* a longer one is cut: prctl(2) */
		memcpy(SELF->name, name, sizeof name);
		return 0;
	case PR_GET_NAME: return to_user(a, SELF->name, sizeof SELF->name);
	case PR_GET_DUMPABLE:
	case PR_GET_NO_NEW_PRIVS: return 1;
	case PR_SET_PDEATHSIG:
	case PR_SET_DUMPABLE:
	case PR_SET_SECCOMP:
	case PR_SET_TIMERSLACK:
	case PR_SET_NO_NEW_PRIVS:
	case PR_SET_SYSCALL_USER_DISPATCH:
	case PR_SET_VMA:
		return 0; /* remembered by nobody, and asked for by none */
	/* Capabilities that this kernel would not know are an error: libcap counts them by it. */
	case PR_CAPBSET_READ: return a <= CAP_LAST_CAP ? 0 : -EINVAL;
	default: return -EINVAL;
	}
}

/* prlimit(2). Limits that are not named here are unlimited: memory is bounded by uc_host.mem_limit,
 * and counted where it is mapped (vma.c). */
i64 sys_prlimit64(u64 pid, u64 what, u64 neu, u64 old)
{
	u64 inf = ~0ull, v[2] = { inf, inf };
	(void)pid, (void)neu;
	switch (what) {
	case RLIMIT_STACK: v[0] = v[1] = STACK_SIZE; break;
	case RLIMIT_CORE: v[0] = v[1] = 0; break;
	case RLIMIT_NPROC: v[0] = v[1] = HOST->max_threads ? MIN(HOST->max_threads, MAX_THREADS) : MAX_THREADS; break;
	case RLIMIT_NOFILE: v[0] = v[1] = MAX_FDS; break;
	default:
		if (what >= RLIM_NLIMITS)
			return -EINVAL;
	}
	return old ? to_user(old, v, sizeof v) : 0;
}

/* getrlimit and setrlimit are prlimit64 of the process itself. */
i64 sys_getrlimit(u64 what, u64 out) { return sys_prlimit64(0, what, 0, out); }

/* There is one processor, the first, of the first node (getcpu(2)). */
i64 sys_getcpu(u64 cpu, u64 node)
{
	u32 zero = 0;
	if ((cpu && to_user(cpu, &zero, 4)) || (node && to_user(node, &zero, 4)))
		return -EFAULT;
	return 0;
}

/* struct sysinfo as words: uptime, three load averages, total and free memory in bytes (mem_unit
 * 1). */
i64 sys_sysinfo(u64 out)
{
	u64 total = HOST->mem_limit ? HOST->mem_limit : MEM_TOTAL, used = MIN(S->pub.committed, total);
	u64 s[14] = { now_mono() / SEC, 0, 0, 0, total, total - used };
	/* procs: one process. */
	((u16 *)&s[10])[0] = 1;
	((u32 *)s)[26] = 1; /* mem_unit */
	return to_user(out, s, 112);
}

/* struct rusage as words: user time first, then system time, which the host does not tell apart;
 * word 4 is the largest resident set, in KB. */
i64 sys_getrusage(u64 who, u64 out)
{
	u64 r[18] = { 0 };
	(void)who;
	u64 cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	r[0] = cpu / SEC, r[1] = cpu % SEC / USEC;
	/* ru_maxrss. Text counts, as resident memory would. */
	r[4] = (S->pub.committed_peak + S->text) / 1024;
	return to_user(out, r, sizeof r);
}

/* All three ids of root (getresuid(2)). */
i64 sys_getresuid(u64 a, u64 b, u64 c)
{
	u32 zero = 0;
	return to_user(a, &zero, 4) || to_user(b, &zero, 4) || to_user(c, &zero, 4) ? -EFAULT : 0;
}

/* No capability is effective: a program that could use one must not believe that it may. */
i64 sys_capget(u64 head, u64 data)
{
	u32 none[6] = { 0 };
	(void)head;
	return data ? to_user(data, none, sizeof none) : 0;
}

/* wait4, waitid: a process without children. */
i64 sys_echild(void) { return -ECHILD; }
