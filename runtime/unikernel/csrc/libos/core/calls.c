/* calls.c: the table from call number to answer, and the books on what was asked. */
#include "core/calls.h"
#include "core/state.h"
#include "host/channel.h"

#define CALLS(X) \
	X(read) X(write) X(open) X(close) X(stat) X(fstat) X(lstat) X(poll) X(lseek) X(mmap) X(mprotect) X(munmap) X(brk) \
	X(rt_sigaction) X(rt_sigprocmask) X(rt_sigreturn) X(ioctl) X(pread64) X(pwrite64) X(readv) X(writev) X(access) X(pipe) \
	X(select) X(sched_yield) X(mremap) X(mincore) X(madvise) X(dup) X(dup2) X(pause) X(nanosleep) X(alarm) X(setitimer) \
	X(getpid) X(clone) X(exit) X(kill) X(uname) X(fcntl) X(truncate) X(ftruncate) X(getcwd) X(chdir) X(fchdir) X(rename) \
	X(mkdir) X(rmdir) X(creat) X(link) X(unlink) X(symlink) X(readlink) X(chmod) X(fchmod) X(chown) X(fchown) X(lchown) \
	X(umask) X(gettimeofday) X(getrlimit) X(getrusage) X(sysinfo) X(times) X(getgroups) X(getresuid) X(capget) \
	X(rt_sigpending) X(rt_sigtimedwait) X(rt_sigsuspend) X(sigaltstack) X(statfs) X(fstatfs) X(sched_getparam) X(prctl) \
	X(arch_prctl) X(gettid) X(tkill) X(time) X(futex) X(sched_getaffinity) X(epoll_create) X(getdents64) X(set_tid_address) \
	X(clock_gettime) X(clock_getres) X(clock_nanosleep) X(exit_group) X(epoll_wait) X(epoll_ctl) X(tgkill) X(openat) \
	X(mkdirat) X(mknod) X(mknodat) X(fchownat) X(newfstatat) X(unlinkat) X(renameat) X(linkat) X(symlinkat) X(readlinkat) X(fchmodat) \
	X(faccessat) X(pselect6) X(ppoll) X(utimensat) X(epoll_pwait) X(timerfd_create) X(eventfd) X(fallocate) \
	X(timerfd_settime) X(timerfd_gettime) X(signalfd4) X(eventfd2) X(epoll_create1) X(dup3) X(pipe2) X(preadv) X(pwritev) \
	X(prlimit64) X(renameat2) X(getrandom) X(statx) X(clone3) X(close_range) X(epoll_pwait2) X(getcpu) X(fsync) \
	X(socket) X(connect) X(accept) X(accept4) X(sendto) X(recvfrom) X(sendmsg) X(recvmsg) X(shutdown) X(bind) X(listen) \
	X(sendfile) X(getsockname) X(getpeername) X(socketpair) X(setsockopt) X(getsockopt) X(sendmmsg) X(recvmmsg) X(set_robust_list) X(get_robust_list) \
	X(memfd_create) X(copy_file_range) X(pidfd_open) X(pidfd_send_signal) X(setgroups) X(getpriority) X(setpriority) \
	X(sched_setparam) X(sched_setscheduler) X(sched_getscheduler) X(sched_setaffinity) X(sched_get_priority_max) \
	X(sched_get_priority_min) X(sched_rr_get_interval) X(getitimer) X(preadv2) X(pwritev2) \
	X(inotify_init) X(inotify_init1) X(inotify_add_watch) X(inotify_rm_watch)

/* Calls that another one answers just as well. */
#define ALIASES(X) \
	X(fdatasync, fsync) X(faccessat2, faccessat) X(getresgid, getresuid) X(flock, fsync) X(setrlimit, getrlimit)

/* True constants: root of its own little world; nothing to do; or forbidden as under a seccomp profile. */
#define CONSTANTS(X) \
	X(getuid, zero) X(geteuid, zero) X(getgid, zero) X(getegid, zero) \
	 X(fadvise64, zero) X(mlock, zero) \
	X(munlock, zero) X(mlockall, zero) X(munlockall, zero) X(mlock2, zero) X(msync, zero) X(sync, zero) \
	 X(ioprio_set, zero) X(getppid, one) X(getpgrp, getpid) X(getpgid, getpid) X(getsid, getpid) \
	X(setsid, eperm) X(setpgid, zero) X(fork, eperm) X(vfork, eperm) X(execve, eperm) X(execveat, eperm) X(ptrace, eperm) \
	X(mount, eperm) X(umount2, eperm) X(setns, eperm) X(unshare, eperm) X(chroot, eperm) X(bpf, eperm) \
	X(perf_event_open, eperm) X(process_vm_readv, eperm) X(process_vm_writev, eperm) X(pivot_root, eperm) X(reboot, eperm) \
	X(sethostname, eperm) X(settimeofday, eperm) X(clock_settime, eperm) X(userfaultfd, eperm) X(setuid, zero) \
	X(setgid, zero) X(setresuid, zero) X(setresgid, zero) X(setreuid, zero) X(setregid, zero) X(wait4, echild) \
	X(waitid, echild) X(getxattr, enotsup) X(lgetxattr, enotsup) X(fgetxattr, enotsup) X(listxattr, enotsup) \
	X(llistxattr, enotsup) X(flistxattr, enotsup) X(setxattr, enotsup) X(lsetxattr, enotsup) X(fsetxattr, enotsup) X(personality, zero)

/* Each takes as many of the six arguments as it wants; in this ABI a function ignores what it did not declare. */
#define DECLARE(n) i64 sys_##n();
CALLS(DECLARE)
i64 sys_zero(), sys_one(), sys_eperm(), sys_echild(), sys_enotsup();

typedef i64 (*call)(u64, u64, u64, u64, u64, u64);

#pragma GCC diagnostic ignored "-Wcast-function-type"
#define ENTRY(n) [__NR_##n] = (call)sys_##n,
#define ALIAS(n, m) [__NR_##n] = (call)sys_##m,
static const call table[] = { CALLS(ENTRY) ALIASES(ALIAS) CONSTANTS(ALIAS) };

static void trace(u64 n, const u64 *r, i64 v)
{
	char b[200];
	struct text t = { b, 0, sizeof b };
	put(&t, "uc["), put_u(&t, SELF->tid), put(&t, "] "), put_u(&t, n), put(&t, "(");
	const u64 a[6] = { r[RDI], r[RSI], r[RDX], r[R10], r[R8], r[R9] };
	for (int i = 0; i < 6; i++)
		put(&t, i ? ", " : ""), put_x(&t, a[i]);
	put(&t, ") = "), v == BLOCKED ? put(&t, "(sleeps)") : put_i(&t, v), put(&t, "\n");
	console(b, t.n);
}

/* Answers one call: the result, BLOCKED or REPLACED. */
u64 dispatch(u64 n, u64 *r)
{
	u32 flags = HOST->flags;
	if (flags & UC_F_TRACE && !SELF->retrying && n < COUNT(S->calls))
		S->calls[n]++;
	if (n >= COUNT(table) || !table[n]) {
		S->unknown[n < COUNT(S->unknown) ? n : COUNT(S->unknown) - 1]++;
		if (flags & UC_F_STRACE)
			trace(n, r, -ENOSYS);
		return -ENOSYS;
	}
	if (!(flags & UC_F_STRACE))
		return table[n](r[RDI], r[RSI], r[RDX], r[R10], r[R8], r[R9]);
	u64 before[REGS];
	memcpy(before, r, sizeof before);
	i64 v = table[n](r[RDI], r[RSI], r[RDX], r[R10], r[R8], r[R9]);
	trace(n, before, v);
	return v;
}
