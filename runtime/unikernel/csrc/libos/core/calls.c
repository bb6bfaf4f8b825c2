/*
 * calls.c: the table from call number to answer, and the books on what was asked.
 *
 * Each system call is a function sys_NAME of the file that the lists below name. A number that no
 * list has is answered with ENOSYS, and counted: uc_state.unknown tells what a program asked for in
 * vain. The table stands above all that it names; whoever has to make a call again gets it through
 * dispatch (schedule.c, entry.c, rewrite.c).
 */
#include "core/calls.h"
#include "base/state.h"
#include "channel/channel.h"

/* Lists, by the file that answers. */

/* clang-format off */
#define CALLS_FS(X) \
	/* open.c, stat.c */ \
	X(open) X(openat) X(creat) X(memfd_create) X(stat) X(fstat) X(lstat) X(newfstatat) X(statx) X(access) \
	X(faccessat) X(readlink) X(readlinkat) \
	/* dirs.c */ \
	X(getdents64) X(getcwd) X(chdir) X(fchdir) X(mkdir) X(mkdirat) X(mknod) X(mknodat) X(unlink) X(unlinkat) \
	X(rmdir) X(rename) X(renameat) X(renameat2) X(link) X(linkat) X(symlink) X(symlinkat) \
	/* attributes.c */ \
	X(chmod) X(fchmod) X(fchmodat) X(chown) X(fchown) X(lchown) X(fchownat) X(utimensat) X(umask) \
	X(truncate) X(ftruncate) X(fallocate) X(fsync) X(statfs) X(fstatfs) \
	/* readwrite.c, sendfile.c */ \
	X(read) X(write) X(readv) X(writev) X(pread64) X(pwrite64) X(preadv) X(pwritev) X(preadv2) X(pwritev2) \
	X(lseek) X(sendfile) X(copy_file_range) \
	/* splice.c */ \
	X(splice) X(tee) X(vmsplice) \
	/* xattr.c */ \
	X(getxattr) X(lgetxattr) X(fgetxattr) X(listxattr) X(llistxattr) X(flistxattr) X(setxattr) X(lsetxattr) \
	X(fsetxattr) X(removexattr) X(lremovexattr) X(fremovexattr) \
	/* pipe.c */ \
	X(pipe) X(pipe2) \
	/* fd.c, inotify.c */ \
	X(close) X(close_range) X(dup) X(dup2) X(dup3) X(fcntl) X(ioctl) X(inotify_init) X(inotify_init1) \
	X(inotify_add_watch) X(inotify_rm_watch)

#define CALLS_IPC(X) \
	/* event.c, pidfd.c, timerfd.c */ \
	X(eventfd) X(eventfd2) X(pidfd_open) X(pidfd_send_signal) X(signalfd4) X(timerfd_create) X(timerfd_settime) \
	X(timerfd_gettime) \
	/* poll.c, epoll.c */ \
	X(poll) X(ppoll) X(select) X(pselect6) X(epoll_create) X(epoll_create1) X(epoll_ctl) X(epoll_wait) \
	X(epoll_pwait) X(epoll_pwait2)

#define CALLS_NET(X) \
	/* sockcalls.c, connect.c, sockopt.c */ \
	X(socket) X(socketpair) X(bind) X(listen) X(accept) X(accept4) X(shutdown) X(getsockname) X(getpeername) \
	X(connect) X(setsockopt) X(getsockopt) \
	/* sockmsg.c */ \
	X(sendto) X(recvfrom) X(sendmsg) X(recvmsg) X(sendmmsg) X(recvmmsg)

#define CALLS_SCHED(X) \
	/* clone.c */ \
	X(clone) X(clone3) X(exit) X(exit_group) X(sched_yield) X(gettid) X(set_tid_address) \
	/* futexcalls.c, owner.c */ \
	X(futex) X(set_robust_list) X(get_robust_list) \
	/* sigcalls.c, signal.c */ \
	X(rt_sigaction) X(rt_sigprocmask) X(rt_sigpending) X(rt_sigreturn) X(rt_sigsuspend) X(rt_sigtimedwait) \
	X(sigaltstack) X(pause) X(kill) X(tkill) X(tgkill) \
	/* time.c, itimer.c */ \
	X(clock_gettime) X(clock_getres) X(clock_nanosleep) X(nanosleep) X(gettimeofday) X(time) X(times) \
	X(getitimer) X(setitimer) X(alarm) \
	/* priority.c */ \
	X(sched_getscheduler) X(sched_setscheduler) X(sched_getparam) X(sched_setparam) \
	X(sched_get_priority_max) X(sched_get_priority_min) X(sched_rr_get_interval) X(sched_getaffinity) \
	X(sched_setaffinity) X(getpriority) X(setpriority) X(getgroups) X(setgroups)

#define CALLS_CORE(X) \
	/* process.c */ \
	X(getpid) X(uname) X(getrandom) X(arch_prctl) X(prctl) X(prlimit64) X(getrlimit) X(getcpu) X(sysinfo) \
	X(getrusage) X(getresuid) X(capget) \
	/* memory.c */ \
	X(mmap) X(munmap) X(mprotect) X(mremap) X(brk) X(madvise) X(mincore)

#define CALLS(X) CALLS_FS(X) CALLS_IPC(X) CALLS_NET(X) CALLS_SCHED(X) CALLS_CORE(X)

/* Calls that another one answers just as well. */
#define ALIASES(X) \
	X(fdatasync, fsync) X(flock, fsync) /* there is no disk, and nobody else to lock out */ \
	X(faccessat2, faccessat) /* its flags ask about ids that are all the same here */ \
	X(getresgid, getresuid) /* all zeros */ \
	X(setrlimit, getrlimit) /* limits are the platform's; what the guest sets is not remembered */

/* Constants. */
#define CONSTANTS(X) \
	/* ids: root of its own little world, the only process of its session; init is its parent */ \
	X(getuid, zero) X(geteuid, zero) X(getgid, zero) X(getegid, zero) X(getppid, one) X(getpgrp, getpid) \
	X(getpgid, getpid) X(getsid, getpid) X(setsid, eperm) X(setpgid, zero) X(setuid, zero) X(setgid, zero) \
	X(setresuid, zero) X(setresgid, zero) X(setreuid, zero) X(setregid, zero) \
	/* hints, and orders to a disk: nothing to do. Memory is never swapped out */ \
	X(fadvise64, zero) X(msync, zero) X(sync, zero) X(ioprio_set, zero) X(personality, zero) X(mlock, zero) \
	X(munlock, zero) X(mlockall, zero) X(munlockall, zero) X(mlock2, zero) \
	/* forbidden, as where a seccomp profile forbids them: there is one process, and it owns nothing of \
	the host */ \
	X(fork, eperm) X(vfork, eperm) X(execve, eperm) X(execveat, eperm) X(ptrace, eperm) X(mount, eperm) \
	X(umount2, eperm) X(setns, eperm) X(unshare, eperm) X(chroot, eperm) X(bpf, eperm) \
	X(perf_event_open, eperm) X(process_vm_readv, eperm) X(process_vm_writev, eperm) X(pivot_root, eperm) \
	X(reboot, eperm) X(sethostname, eperm) X(settimeofday, eperm) X(clock_settime, eperm) \
	X(userfaultfd, eperm) X(wait4, echild) X(waitid, echild)

/* clang-format on */

/* Each takes as many of the six arguments as it wants; in this ABI a function ignores what it did
 * not declare. */
#define DECLARE(n) i64 sys_##n();
CALLS(DECLARE)
i64 sys_zero(), sys_one(), sys_eperm(), sys_echild();

typedef i64 (*call)(u64, u64, u64, u64, u64, u64);

#pragma GCC diagnostic ignored "-Wcast-function-type"
#define ENTRY(n) [__NR_##n] = (call)sys_##n,
#define ALIAS(n, m) [__NR_##n] = (call)sys_##m,
static const call table[] = { CALLS(ENTRY) ALIASES(ALIAS) CONSTANTS(ALIAS) };

/* The console line of one call (UC_F_STRACE). Arguments are words: what they mean is in the call's
 * manual page. */
static void trace(u64 n, const u64 *r, i64 v)
{
	char b[200];
	struct text t = { b, 0, sizeof b };
	put(&t, "uc["), put_u(&t, SELF->tid), put(&t, "] "), put_u(&t, n), put(&t, "(");
	/* The order of a call's arguments in registers: syscall(2), x86-64. */
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
	/* A call that is tried again is one call of the guest's. */
	if (flags & UC_F_TRACE && !SELF->retrying && n < COUNT(S->calls))
		S->calls[n]++;
	if (n >= COUNT(table) || !table[n]) {
		/* Numbers beyond the table, which a guest may make up, share the last counter. */
		S->unknown[n < COUNT(S->unknown) ? n : COUNT(S->unknown) - 1]++;
		if (flags & UC_F_STRACE)
			trace(n, r, -ENOSYS);
		return -ENOSYS;
	}
	if (!(flags & UC_F_STRACE))
		return table[n](r[RDI], r[RSI], r[RDX], r[R10], r[R8], r[R9]);
	/* The call may replace the registers in r (sigreturn), and its arguments with them. */
	u64 before[REGS];
	memcpy(before, r, sizeof before);
	i64 v = table[n](r[RDI], r[RSI], r[RDX], r[R10], r[R8], r[R9]);
	trace(n, before, v);
	return v;
}
