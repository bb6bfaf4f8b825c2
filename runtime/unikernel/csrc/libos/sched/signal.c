/*
 * signal.c: the guest's signals. Nothing comes from outside but faults: signals are what the guest sends itself (abort,
 * tgkill, pthread_kill), timers of setitimer, and SIGPIPE. A handler runs on a frame like the kernel's, so that unwinders and
 * V8's trap handler can read it.
 */
#include "sched/signal.h"
#include "fs/synth.h"

#define SA_SIGINFO 4u
#define SA_ONSTACK 0x08000000u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u
#define SA_RESETHAND 0x80000000u
#define BIT(sig) (1ull << ((sig) - 1))
#define NEVER_BLOCKED (BIT(9) | BIT(19))

/* Ignored by default: CHLD, URG, WINCH, CONT. Stopping signals make no sense here and are ignored too. */
static int ignored(int sig)
{
	u64 h = S->sigactions[sig].handler;
	return h == 1 || (h == 0 && BIT(sig) & (BIT(17) | BIT(23) | BIT(28) | BIT(18) | BIT(20) | BIT(21) | BIT(22)));
}

static u64 deliverable(const struct thread *t) { return (t->pending | S->proc_pending) & ~t->mask; }

int signal_interrupts(struct thread *t)
{
	u64 set = deliverable(t);
	for (int sig = 1; set && sig <= 64; sig++)
		if (set & BIT(sig) && !ignored(sig))
			return 1;
	return 0;
}

int signal_restarts(struct thread *t)
{
	u64 set = deliverable(t);
	u64 n = t->regs[RAX];
	/* These always end with EINTR (signal(7)). */
	if (n == __NR_poll || n == __NR_ppoll || n == __NR_epoll_wait || n == __NR_epoll_pwait || n == __NR_nanosleep ||
	    n == __NR_clock_nanosleep || n == __NR_rt_sigsuspend || n == __NR_pause || n == __NR_select || n == __NR_pselect6)
		return 0;
	if (t->state == T_FUTEX && !t->futex_bits)
		return 1; /* FUTEX_LOCK_PI always goes on: its C library does not expect EINTR */
	for (int sig = 1; sig <= 64; sig++)
		if (set & BIT(sig) && !ignored(sig) && !(S->sigactions[sig].flags & SA_RESTART))
			return 0;
	return 1;
}

static _Noreturn void die(int sig, u64 rip, u64 addr)
{
	char b[512];
	struct text t = { b, 0, sizeof b - 1 };
	put(&t, "killed by signal "), put_i(&t, sig);
	if (sig == 11 || sig == 7 || sig == 4 || sig == 8 || sig == 5) {
		char path[256];
		struct vma *v = vma_find(rip);
		put(&t, " at 0x"), put_x(&t, rip), put(&t, " address 0x"), put_x(&t, addr);
		if (v && v->kind == V_FILE && vnode_path((struct vnode){ v->fs, v->inode }, path, sizeof path) > 0)
			put(&t, " in "), put(&t, path), put(&t, "+0x"), put_x(&t, rip - v->start + v->pgoff * PAGE);
	}
	b[t.n] = 0;
	uc_end(UC_EXIT_SIGNAL, sig, b);
}

struct siginfo { i32 sig, err, code, pad; u64 addr; u64 rest[13]; };
struct sigframe {
	u64 restorer;
	u64 flags, link;
	struct kstack stack;
	u64 regs[23], fpstate, reserved[8];
	u64 mask;
	struct siginfo info;
};

/* Makes the running thread enter its handler. */
static void enter(int sig, const struct siginfo *info)
{
	struct thread *t = SELF;
	struct ksigaction *a = &S->sigactions[sig];
	u64 *r = S->frame, sp = r[RSP] - 128;
	if (a->handler == 0)
		die(sig, r[RIP], info->addr);
	int on_alt = t->alt.size && r[RSP] > t->alt.sp && r[RSP] <= t->alt.sp + t->alt.size;
	if (a->flags & SA_ONSTACK && t->alt.size && !(t->alt.flags & 2) && !on_alt)
		sp = t->alt.sp + t->alt.size;
	u64 fp_len = 0;
	if (r[23]) {
		const u32 *sw = (const u32 *)(r[23] + 464);
		fp_len = sw[0] == 0x46505853 ? sw[1] : 512;
		sp = (sp - fp_len) & ~63ull;
		if (to_user(sp, (void *)r[23], fp_len))
			die(11, r[RIP], sp);
	}
	struct sigframe f = { .restorer = a->restorer, .flags = 7, .stack = t->alt, .fpstate = fp_len ? sp : 0,
			      .mask = t->has_saved_mask ? t->saved_mask : t->mask, .info = *info };
	memcpy(f.regs, r, sizeof f.regs);
	sp = ((sp - sizeof f) & ~15ull) - 8;
	if (to_user(sp, &f, sizeof f))
		die(11, r[RIP], sp);
	t->has_saved_mask = 0;
	t->mask |= a->mask | (a->flags & SA_NODEFER ? 0 : BIT(sig));
	r[RDI] = sig;
	r[RSI] = sp + offsetof(struct sigframe, info);
	r[RDX] = sp + offsetof(struct sigframe, flags);
	r[RAX] = 0;
	r[RSP] = sp;
	r[RIP] = a->handler;
	r[EFL] &= ~0x500ull; /* direction and trap flag */
	if (a->flags & SA_RESETHAND)
		a->handler = 0;
}

int signal_waits(void) { return deliverable(SELF) != 0 || SELF->has_saved_mask; }

void signal_deliver(void)
{
	struct thread *t = SELF;
	for (u64 set; (set = deliverable(t));) {
		int sig = 1 + __builtin_ctzll(set);
		t->pending &= ~BIT(sig);
		S->proc_pending &= ~BIT(sig);
		if (ignored(sig))
			continue;
		struct siginfo info = { .sig = sig, .code = -6, .addr = HOST->pid };
		enter(sig, &info);
	}
	if (t->has_saved_mask && S->frame[RAX] != (u64)-EINTR) {
		t->mask = t->saved_mask;
		t->has_saved_mask = 0;
	}
}

void signal_fault(int sig, u64 addr, i32 code)
{
	struct siginfo info = { .sig = sig, .code = code, .addr = addr };
	u64 h = S->sigactions[sig].handler;
	/* As the kernel: a fault that is blocked or ignored kills. */
	if (h <= 1 || SELF->mask & BIT(sig))
		die(sig, S->frame[RIP], addr);
	enter(sig, &info);
}

void raise_sigpipe(void)
{
	if (!ignored(13))
		SELF->pending |= BIT(13);
}

/* ---- Calls ---- */

i64 sys_rt_sigaction(u64 sig, u64 in, u64 out, u64 size)
{
	struct ksigaction *a = &S->sigactions[sig], old, new;
	if (sig < 1 || sig > 64 || size != 8)
		return -EINVAL;
	old = *a;
	if (in) {
		if (sig == 9 || sig == 19)
			return -EINVAL;
		if (from_user(&new, in, sizeof new)) /* whole, before anything of the entry changes */
			return -EFAULT;
		new.mask &= ~NEVER_BLOCKED;
		*a = new;
	}
	return out ? to_user(out, &old, sizeof old) : 0;
}

i64 sys_rt_sigprocmask(u64 how, u64 in, u64 out, u64 size)
{
	u64 old = SELF->mask, set;
	if (size != 8)
		return -EINVAL;
	if (in) {
		if (from_user(&set, in, 8))
			return -EFAULT;
		if (how > 2)
			return -EINVAL;
		SELF->mask = (how == 0 ? old | set : how == 1 ? old & ~set : set) & ~NEVER_BLOCKED;
	}
	return out ? to_user(out, &old, 8) : 0;
}

i64 sys_rt_sigpending(u64 out)
{
	u64 set = (SELF->pending | S->proc_pending) & SELF->mask;
	return to_user(out, &set, 8);
}

i64 sys_rt_sigreturn(void)
{
	struct sigframe f;
	struct thread *t = SELF;
	u64 *r = S->frame, sp = r[RSP] - 8;
	if (from_user(&f, sp, sizeof f))
		die(11, r[RIP], sp);
	u64 segments = r[CSGSFS];
	memcpy(r, f.regs, sizeof f.regs);
	r[CSGSFS] = segments;
	r[EFL] = (r[EFL] & 0xcd5) | 0x202;
	if (f.fpstate && r[23]) {
		const u32 *sw = (const u32 *)(r[23] + 464);
		u64 n = sw[0] == 0x46505853 ? sw[1] : 512;
		u8 keep[48]; /* software-reserved bytes: what the host kernel believes in */
		memcpy(keep, (u8 *)r[23] + 464, 48);
		if (from_user((void *)r[23], f.fpstate, MIN(n, (u64)HOST->xsave_size)))
			die(11, r[RIP], f.fpstate);
		memcpy((u8 *)r[23] + 464, keep, 48);
	}
	t->mask = f.mask & ~NEVER_BLOCKED;
	return REPLACED;
}

i64 sys_sigaltstack(u64 in, u64 out)
{
	struct thread *t = SELF;
	struct kstack s = t->alt;
	u64 sp = S->frame[RSP];
	if (t->alt.size && sp > s.sp && sp <= s.sp + s.size)
		s.flags = 1;
	if (out && to_user(out, &s, sizeof s))
		return -EFAULT;
	if (in) {
		if (s.flags == 1)
			return -EPERM;
		if (from_user(&s, in, sizeof s))
			return -EFAULT;
		if (s.flags & ~0x80000003)
			return -EINVAL;
		if (!(s.flags & 2) && s.size < 2048)
			return -ENOMEM;
		t->alt = s.flags & 2 ? (struct kstack){ 0, 2, 0 } : (struct kstack){ s.sp, 0, s.size };
	}
	return 0;
}

struct thread *thread_by_tid(u64 tid)
{
	if (tid == HOST->pid)
		return S->threads[0];
	for (u32 i = 0; i < S->nthreads; i++)
		if (S->threads[i]->state != T_FREE && S->threads[i]->tid == tid)
			return S->threads[i];
	return NULL;
}

static i64 post(struct thread *t, u64 sig)
{
	if (sig > 64)
		return -EINVAL;
	if (!sig)
		return 0;
	if (sig == 9)
		die(9, 0, 0);
	if (sig == 19)
		return 0;
	*(t ? &t->pending : &S->proc_pending) |= BIT(sig);
	changed();
	return 0;
}

i64 sys_tgkill(u64 pid, u64 tid, u64 sig)
{
	struct thread *t = thread_by_tid((u32)tid);
	(void)pid; /* before a restore it had another value, which the guest may remember */
	return t ? post(t, sig) : -ESRCH;
}

i64 sys_tkill(u64 tid, u64 sig) { return sys_tgkill(0, tid, sig); }

i64 sys_kill(u64 pid, u64 sig)
{
	i32 p = pid;
	if (p == (i32)HOST->pid || p == 0 || p == -(i32)HOST->pid || (u32)p == S->threads[0]->tid)
		return post(NULL, sig);
	return p == -1 ? -EPERM : -ESRCH;
}

/* A descriptor of a process: there is none but this one, and it does not end while somebody asks. */
i64 sys_pidfd_open(u64 pid, u64 flags)
{
	if (flags & ~(u64)O_NONBLOCK || (i32)pid <= 0)
		return -EINVAL;
	if ((u32)pid != HOST->pid && (u32)pid != S->threads[0]->tid)
		return -ESRCH;
	return fd_new(K_PROCESS, O_RDWR | flags, NULL, 1);
}

i64 sys_pidfd_send_signal(u64 fd, u64 sig, u64 info, u64 flags)
{
	struct file *f = fd_file(fd);
	(void)info;
	if (flags)
		return -EINVAL;
	/* A directory of /proc stands for its process, as it did before there was pidfd_open. */
	int own = f && (f->kind == K_PROCESS || (f->kind == K_DIR && f->fs == FS_SYNTH && f->node == synth_root("proc/self")));
	return own ? post(NULL, sig) : -EBADF;
}

i64 sys_rt_sigsuspend(u64 in, u64 size)
{
	u64 set;
	if (size != 8 || from_user(&set, in, 8))
		return size != 8 ? -EINVAL : -EFAULT;
	if (!SELF->retrying) {
		SELF->saved_mask = SELF->mask;
		SELF->has_saved_mask = 1;
		SELF->mask = set & ~NEVER_BLOCKED;
	}
	return block(FOREVER);
}

i64 sys_pause(void) { return block(FOREVER); }

i64 sys_rt_sigtimedwait(u64 in, u64 info, u64 timeout)
{
	u64 set;
	i64 ts[2];
	if (from_user(&set, in, 8) || (timeout && from_user(ts, timeout, 16)))
		return -EFAULT;
	u64 got = (SELF->pending | S->proc_pending) & set;
	if (got) {
		int sig = 1 + __builtin_ctzll(got);
		struct siginfo i = { .sig = sig };
		SELF->pending &= ~BIT(sig), S->proc_pending &= ~BIT(sig);
		return info && to_user(info, &i, sizeof i) ? -EFAULT : sig;
	}
	i64 r = block(timeout ? (u64)ts[0] * 1000000000 + ts[1] : FOREVER);
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

i64 sys_signalfd4(u64 fd, u64 mask, u64 size, u64 flags)
{
	(void)mask, (void)size;
	if ((i32)fd != -1)
		return fd_file(fd) ? (i64)fd : -EBADF;
	return fd_new(K_SIGNAL, flags & O_NONBLOCK, NULL, !!(flags & O_CLOEXEC));
}
