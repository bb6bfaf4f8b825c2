/* misc.c: who and what the process is: ids, limits, names, resources. */
#include "core/state.h"

i64 sys_getpid(void) { return HOST->pid; }
i64 sys_one(void) { return 1; }
i64 sys_eperm(void) { return -EPERM; }

i64 sys_uname(u64 out)
{
	struct { char sysname[65], node[65], release[65], version[65], machine[65], domain[65]; } u = {
		"Linux", "uc", "6.1.0-uc", "#1 LambdaBench libOS", "x86_64", "(none)" };
	return to_user(out, &u, sizeof u);
}

i64 sys_getrandom(u64 buf, u64 n, u64 flags)
{
	u8 r[256];
	if (flags & ~7ull)
		return -EINVAL;
	n = MIN(n, 33554431);
	for (u64 at = 0, k; at < n; at += k) {
		k = MIN(n - at, sizeof r);
		host_entropy(r, k);
		if (to_user(buf + at, r, k))
			return -EFAULT;
	}
	return n;
}

i64 sys_arch_prctl(u64 code, u64 a)
{
	switch (code) {
	case 0x1002:
		SELF->fs = a;
		host_set_fs(a);
		return 0;
	case 0x1003: return to_user(a, &SELF->fs, 8);
	default: return -EINVAL;
	}
}

i64 sys_prctl(u64 op, u64 a)
{
	char name[16] = { 0 };
	switch (op) {
	case 15: /* PR_SET_NAME */
		string_user(name, a, 16);
		name[15] = 0;
		memcpy(SELF->name, name, 16);
		return 0;
	case 16: return to_user(a, SELF->name, 16);
	case 3: return 1;                      /* PR_GET_DUMPABLE */
	case 4: case 1: case 29: case 38: case 22: case 59: return 0;
	case 39: return 1;                     /* PR_GET_NO_NEW_PRIVS */
	case 23: return a <= 40 ? 0 : -EINVAL; /* PR_CAPBSET_READ */
	case 0x53564d41: return 0;             /* PR_SET_VMA: names of mappings are not kept */
	default: return -EINVAL;
	}
}

i64 sys_prlimit64(u64 pid, u64 what, u64 neu, u64 old)
{
	u64 inf = ~0ull, v[2] = { inf, inf };
	(void)pid, (void)neu;
	switch (what) {
	case 3: v[0] = v[1] = 8 << 20; break;
	case 4: v[0] = v[1] = 0; break;
	case 6: v[0] = v[1] = HOST->max_threads ? MIN(HOST->max_threads, MAX_THREADS) : MAX_THREADS; break;
	case 7: v[0] = v[1] = MAX_FDS; break;
	case 2: case 9: if (HOST->mem_limit) v[0] = v[1] = inf; break;
	default: if (what > 15) return -EINVAL;
	}
	return old ? to_user(old, v, sizeof v) : 0;
}

i64 sys_getrlimit(u64 what, u64 out) { return sys_prlimit64(0, what, 0, out); }

i64 sys_getcpu(u64 cpu, u64 node)
{
	u32 zero = 0;
	if ((cpu && to_user(cpu, &zero, 4)) || (node && to_user(node, &zero, 4)))
		return -EFAULT;
	return 0;
}

i64 sys_sysinfo(u64 out)
{
	u64 total = HOST->mem_limit ? HOST->mem_limit : 8ull << 30, used = MIN(S->pub.committed, total);
	u64 s[14] = { now_mono() / 1000000000, 0, 0, 0, total, total - used };
	((u16 *)&s[10])[0] = 1;
	((u32 *)s)[26] = 1; /* mem_unit */
	return to_user(out, s, 112);
}

i64 sys_getrusage(u64 who, u64 out)
{
	u64 cpu[2] = { 0, 0 }, r[18] = { 0 };
	(void)who;
	hostcall(__NR_clock_gettime, 2, (u64)cpu, 0, 0, 0, 0);
	r[0] = cpu[0], r[1] = cpu[1] / 1000;
	r[4] = (S->pub.committed_peak + S->text) / 1024;
	return to_user(out, r, sizeof r);
}

i64 sys_getresuid(u64 a, u64 b, u64 c)
{
	u32 zero = 0;
	return to_user(a, &zero, 4) || to_user(b, &zero, 4) || to_user(c, &zero, 4) ? -EFAULT : 0;
}

i64 sys_capget(u64 head, u64 data)
{
	u32 none[6] = { 0 };
	(void)head;
	return data ? to_user(data, none, sizeof none) : 0;
}

i64 sys_echild(void) { return -ECHILD; }

i64 sys_enotsup(void) { return -EOPNOTSUPP; }
