/*
 * proc.c: the texts of /proc and /sys, in the kernel's own formats (proc(5),
 * Documentation/admin-guide/cgroup-v2.rst).
 *
 * A field that has no meaning here has the value that means nothing. Memory is what is committed:
 * what is resident is the host's to know.
 */
#include "base/state.h"
#include "fs/proc.h"
#include "host/clock.h"
#include "host/host.h"

#define TICK (SEC / 100) /* proc(5): times are in these */

/* One line a mapping. Tools look for [heap] and [stack], and for the path of a library. */
void proc_maps(struct text *t)
{
	char path[512];
	for (u32 i = 0; i < S->nvmas; i++) {
		struct vma *v = &S->vmas[i];
		put_xw(t, v->start, 12), put(t, "-"), put_xw(t, v->end, 12);
		put(t, v->prot & PROT_READ ? " r" : " -"), put(t, v->prot & PROT_WRITE ? "w" : "-"),
			put(t, v->prot & PROT_EXEC ? "xp " : "-p ");
		/* proc(5): the offset is in bytes, and has eight digits. */
		put_xw(t, (u64)v->pgoff * PAGE, 8), put(t, v->kind == V_FILE ? " 00:01 " : " 00:00 ");
		/* Device and inode of the file, as stat would tell them. */
		put_u(t, v->kind == V_FILE ? v->inode + 1 : 0), put(t, " ");
		if (v->kind == V_FILE && vnode_path((struct vnode){ v->fs, v->inode }, path, sizeof path) > 0)
			put(t, "                   "), put(t, path);
		else if (v->kind == V_HEAP)
			put(t, "                   [heap]");
		else if (v->end == S->stack_top)
			put(t, "                   [stack]");
		put(t, "\n");
	}
}

/* Field by field as in proc(5): state R, and CPU time taken from the clock, since nobody here tells
 * user from system time. */
void proc_stat(struct text *t)
{
	put_u(t, HOST->pid), put(t, " ("), proc_comm(t), t->n--, put(t, ") R 1 1 1 0 -1 4194304 0 0 0 0 ");
	put_u(t, now_mono() / TICK), put(t, " 0 0 0 20 0 "), put_u(t, S->pub.threads), put(t, " 0 0 ");
	/* vsize is in bytes, rss in pages. The limit of rss is RLIM_INFINITY, 2^64 - 1. */
	put_u(t, S->pub.committed), put(t, " "), put_u(t, S->pub.committed / PAGE), put(t, " 18446744073709551615 ");
	put(t, "1 1 "), put_u(t, S->stack_top), put(t, " 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

/* In pages: size, resident, shared, text, library, data, dirty. */
void proc_statm(struct text *t)
{
	/* Size and resident are the same number: the host alone knows what is resident. */
	u64 n = (S->pub.committed + S->text) / PAGE;
	put_u(t, n), put(t, " "), put_u(t, n), put(t, " 0 "), put_u(t, S->text / PAGE), put(t, " 0 ");
	put_u(t, S->pub.committed / PAGE), put(t, " 0\n");
}

/* The running thread's name (PR_SET_NAME). */
void proc_comm(struct text *t) { put(t, SELF->name), put(t, "\n"); }

/* What programs look for: ids, sizes in KB, threads, capabilities. */
void proc_status(struct text *t)
{
	put(t, "Name:\t"), proc_comm(t), put(t, "Umask:\t0022\nState:\tR (running)\nTgid:\t"), put_u(t, HOST->pid);
	put(t, "\nPid:\t"), put_u(t, HOST->pid),
		put(t, "\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nVmPeak:\t");
	put_u(t, S->pub.committed_peak / 1024), put(t, " kB\nVmSize:\t"), put_u(t, S->pub.committed / 1024);
	put(t, " kB\nVmRSS:\t"), put_u(t, S->pub.committed / 1024), put(t, " kB\nThreads:\t"), put_u(t, S->pub.threads);
	put(t, "\nSigQ:\t0/256\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
	put(t, "Cpus_allowed:\t1\nCpus_allowed_list:\t0\n");
}

/* The strings lie on the first stack, one behind the other (exec.c). */
void proc_cmdline(struct text *t) { put_n(t, (char *)S->argv_start, S->argv_end - S->argv_start); }
/* As it was at the start: what setenv changes is the program's own memory. */
void proc_environ(struct text *t) { put_n(t, (char *)S->env_start, S->env_end - S->env_start); }
/* The auxiliary vector, as words. */
void proc_auxv(struct text *t) { put_n(t, (char *)S->auxv_start, S->auxv_end - S->auxv_start); }

/* The limits that prlimit64 tells (process.c), as text. */
void proc_limits(struct text *t)
{
	put(t,
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max stack size            8388608              8388608              bytes     \n"
		"Max open files            1024                 1024                 files     \n");
}

/* As many processors as the platform says that the function has. A guest's threads share one;
 * libraries size their pools by this. */
void proc_cpuinfo(struct text *t)
{
	for (u32 i = 0; i < MAX(HOST->cpus, 1u); i++) {
		put(t, "processor\t: "), put_u(t, i), put(t, "\nvendor_id\t: UC\ncpu family\t: 6\nmodel\t\t: 1\n");
		put(t, "model name\t: UC virtual processor\ncpu MHz\t\t: 2000.000\ncache size\t: 1024 KB\nphysical id\t: 0\n");
		put(t, "siblings\t: "), put_u(t, HOST->cpus), put(t, "\ncpu cores\t: "), put_u(t, HOST->cpus), put(t, "\n\n");
	}
}

/* In KB. The limit is all the memory there is. */
void proc_meminfo(struct text *t)
{
	u64 total = MEM_TOTAL, used = MIN(S->pub.committed, total);
	put(t, "MemTotal:       "), put_u(t, total / 1024), put(t, " kB\nMemFree:        "),
		put_u(t, (total - used) / 1024);
	put(t, " kB\nMemAvailable:   "), put_u(t, (total - used) / 1024);
	put(t, " kB\nBuffers:        0 kB\nCached:         0 kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n");
}

/* Times in ticks. btime is when the machine booted, in seconds since the epoch. */
void proc_cpustat(struct text *t)
{
	u64 ticks = now_mono() / TICK;
	put(t, "cpu  0 0 0 "), put_u(t, ticks), put(t, " 0 0 0 0 0 0\n");
	for (u32 i = 0; i < MAX(HOST->cpus, 1u); i++)
		put(t, "cpu"), put_u(t, i), put(t, " 0 0 0 "), put_u(t, ticks), put(t, " 0 0 0 0 0 0\n");
	put(t, "ctxt 0\nbtime "), put_u(t, (now_real() - now_mono()) / SEC), put(t, "\nprocesses 1\n");
}

/* Seconds since boot, and idle, which is as good as the same. */
void proc_uptime(struct text *t)
{
	u64 s = now_mono() / SEC;
	put_u(t, s), put(t, ".00 "), put_u(t, s), put(t, ".00\n");
}

/* r: 16 random bytes. RFC 4122, version 4, variant 1: the two fields that are not random. */
static void uuid(struct text *t, const u8 *r)
{
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			put(t, "-");
		put_xw(t, i == 6 ? (r[i] & 15) | 0x40 : i == 8 ? (r[i] & 63) | 0x80 : r[i], 2);
	}
	put(t, "\n");
}

/* One UC is one boot: differs between clones, constant in each. */
void proc_boot_id(struct text *t) { uuid(t, HOST->entropy + 48); }

/* Another one at every opening. */
void proc_uuid(struct text *t)
{
	u8 r[16];
	host_entropy(r, sizeof r);
	uuid(t, r);
}

/* The platform's limit in bytes, as the control group of a container would have it: runtimes size
 * their heaps by it. */
void proc_memory_max(struct text *t)
{
	if (HOST->mem_limit)
		put_u(t, HOST->mem_limit);
	else
		put(t, "max"); /* cgroup-v2.rst, memory.max: no limit */
	put(t, "\n");
}

/* Bytes that are charged. */
void proc_memory_current(struct text *t) { put_u(t, S->pub.committed), put(t, "\n"); }

/* A list of ranges: "0-3". */
void proc_cpus(struct text *t)
{
	put(t, "0");
	if (HOST->cpus > 1)
		put(t, "-"), put_u(t, HOST->cpus - 1);
	put(t, "\n");
}

/* The mounts of mounts.c that programs ask for, in the form of fstab(5). */
void proc_mounts(struct text *t)
{
	put(t,
		"uc / uc ro 0 0\ntmpfs /tmp tmpfs rw 0 0\ntmpfs /var/task tmpfs rw 0 0\nproc /proc proc rw 0 0\n"
		"cgroup2 /sys/fs/cgroup cgroup2 ro 0 0\n");
}
