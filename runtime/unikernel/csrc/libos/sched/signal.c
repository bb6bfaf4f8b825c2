/*
 * signal.c: how a signal reaches the guest (signal(7), sigaction(2)).
 *
 * Nothing comes from outside but faults: signals are what the guest sends itself (abort, tgkill,
 * pthread_kill), timers of setitimer, and SIGPIPE. A signal is a bit, in thread.pending or, for the
 * process, in S->proc_pending. On the way back to the guest signal_deliver looks for one that is
 * not blocked. A handler runs on a frame laid out like the kernel's
 * (arch/x86/include/uapi/asm/sigframe), so that unwinders and V8's trap handler can read it;
 * rt_sigreturn takes the registers back out of it.
 */
#include "base/state.h"
#include "host/host.h"
#include "sched/futex.h"

#define UC_FLAGS 7 /* uc_flags: XSAVE area, saved SS, strict restore of SS */
#define RED_ZONE 128 /* bytes below the stack pointer that a function may use (x86-64 psABI) */
#define EFL_CLEARED 0x500ull /* direction and trap flag: a handler starts without them */
#define EFL_GUEST 0xcd5ull /* what a guest may set: the arithmetic flags, direction and trap */
#define EFL_ALWAYS 0x202ull /* interrupts on, and the bit that is always 1 */

/* The default of these is to do nothing; of SIGCONT and of those that stop a process too, since
 * there is nobody to stop it for. */
#define IGNORED_BY_DEFAULT \
	(SIGBIT(SIGCHLD) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGCONT) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | \
		SIGBIT(SIGTTOU))
#define FAULTS (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGFPE) | SIGBIT(SIGTRAP))

/* By the guest's action, or by the signal's default. */
static int ignored(int sig)
{
	u64 h = S->sigactions[sig].handler;
	return h == (u64)SIG_IGN || (h == (u64)SIG_DFL && SIGBIT(sig) & IGNORED_BY_DEFAULT);
}

/* Signals that the thread would take now. */
static u64 deliverable(const struct thread *t) { return (t->pending | S->proc_pending) & ~t->mask; }

/* A saved mask counts: it has to be put back. */
int signal_waits(void) { return deliverable(SELF) != 0 || SELF->has_saved_mask; }

/* An ignored signal interrupts nothing; it is dropped when it is delivered. */
int signal_interrupts(struct thread *t)
{
	u64 set = deliverable(t);
	for (int sig = 1; set && sig <= SIGNALS; sig++)
		if (set & SIGBIT(sig) && !ignored(sig))
			return 1;
	return 0;
}

/* Called for a thread that signal_interrupts: 1 if the call is made again after the handler. */
int signal_restarts(struct thread *t)
{
	u64 set = deliverable(t);
	switch (t->regs[RAX]) { /* these always end with EINTR (signal(7)) */
	case __NR_poll:
	case __NR_ppoll:
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
	case __NR_nanosleep:
	case __NR_clock_nanosleep:
	case __NR_rt_sigsuspend:
	case __NR_rt_sigtimedwait:
	case __NR_pause:
	case __NR_select:
	case __NR_pselect6: return 0;
	}
	/* futex(2): FUTEX_LOCK_PI and FUTEX_WAIT_REQUEUE_PI always go on. The C library does not expect EINTR. */
	if (t->state == T_FUTEX && (!t->futex_bits || futex_requeues(t)))
		return 1;
	for (int sig = 1; sig <= SIGNALS; sig++)
		/* One handler without SA_RESTART is enough to end the call. */
		if (set & SIGBIT(sig) && !ignored(sig) && !(S->sigactions[sig].flags & SA_RESTART))
			return 0;
	return 1;
}

/* The last words name the place in the program: a crash of a native module is looked for by it. */
void signal_die(int sig, u64 rip, u64 addr)
{
	char b[512];
	struct text t = { b, 0, sizeof b - 1 };
	put(&t, "killed by signal "), put_i(&t, sig);
	if (SIGBIT(sig) & FAULTS) {
		char path[256];
		struct vma *v = vma_find(rip);
		put(&t, " at 0x"), put_x(&t, rip), put(&t, " address 0x"), put_x(&t, addr);
		if (v && v->kind == V_FILE && S->file_path((struct vnode){ v->fs, v->inode }, path, sizeof path) > 0)
			put(&t, " in "), put(&t, path), put(&t, "+0x"), put_x(&t, rip - v->start + v->pgoff * PAGE);
	}
	b[t.n] = 0;
	uc_end(UC_EXIT_SIGNAL, sig, b);
}

/* struct rt_sigframe: the return address, ucontext, siginfo. */
struct sigframe {
	u64 restorer;
	u64 flags, link;
	struct kstack stack;
	u64 regs[REGS], fpstate, reserved[8];
	u64 mask;
	siginfo_t info;
};

/* Where the handler's frame goes: below the red zone, or at the top of the alternate stack if the
 * thread is not on it already. */
static u64 frame_top(const struct thread *t, const struct ksigaction *a, u64 rsp)
{
	int on_alt = t->alt.size && rsp > t->alt.sp && rsp <= t->alt.sp + t->alt.size;
	if (a->flags & SA_ONSTACK && t->alt.size && !(t->alt.flags & SS_DISABLE) && !on_alt)
		return t->alt.sp + t->alt.size;
	return rsp - RED_ZONE;
}

/* Makes the running thread enter its handler. As in the kernel, a stack that cannot take the frame
 * is the thread's end. */
static void enter(int sig, const siginfo_t *info)
{
	struct thread *t = SELF;
	struct ksigaction *a = &S->sigactions[sig];
	/* The frame is built on the stack's copy and goes over in one piece. */
	u64 *r = S->frame, sp = frame_top(t, a, r[RSP]), fp_len = 0;
	if (a->handler == (u64)SIG_DFL)
		signal_die(sig, r[RIP], (u64)info->si_addr);
	if (r[FPSTATE]) {
		fp_len = fp_length(r[FPSTATE]);
		sp = (sp - fp_len) & ~63ull; /* XSAVE wants 64 bytes' alignment */
		if (to_user(sp, (void *)r[FPSTATE], fp_len))
			signal_die(SIGSEGV, r[RIP], sp);
	}
	struct sigframe f = { .restorer = a->restorer,
		.flags = UC_FLAGS,
		.stack = t->alt,
		.fpstate = fp_len ? sp : 0,
		.mask = t->has_saved_mask ? t->saved_mask : t->mask,
		.info = *info };
	memcpy(f.regs, r, sizeof f.regs);
	sp = ((sp - sizeof f) & ~15ull) - 8; /* as after a call instruction */
	if (to_user(sp, &f, sizeof f))
		signal_die(SIGSEGV, r[RIP], sp);
	t->has_saved_mask = 0;
	t->mask |= a->mask | (a->flags & SA_NODEFER ? 0 : SIGBIT(sig));
	/* The handler's three arguments: number, siginfo, ucontext. */
	r[RDI] = sig;
	r[RSI] = sp + offsetof(struct sigframe, info);
	r[RDX] = sp + offsetof(struct sigframe, flags);
	r[RAX] = 0;
	r[RSP] = sp;
	r[RIP] = a->handler;
	r[EFL] &= ~EFL_CLEARED;
	if (a->flags & SA_RESETHAND)
		a->handler = (u64)SIG_DFL;
}

/* Several signals nest: the handler of the last one entered runs first. */
void signal_deliver(void)
{
	struct thread *t = SELF;
	for (u64 set; (set = deliverable(t));) {
		int sig = 1 + __builtin_ctzll(set);
		t->pending &= ~SIGBIT(sig);
		S->proc_pending &= ~SIGBIT(sig);
		if (ignored(sig))
			continue;
		siginfo_t info = { .si_signo = sig, .si_code = SI_TKILL };
		info.si_pid = HOST->pid;
		enter(sig, &info);
	}
	/* A call that waited under another mask (sigsuspend, epoll_pwait) and was not interrupted puts
	 * the old one back. */
	if (t->has_saved_mask && S->frame[RAX] != (u64)-EINTR) {
		t->mask = t->saved_mask;
		t->has_saved_mask = 0;
	}
}

/* As in the kernel, a fault that is blocked or ignored kills: the instruction could only fault
 * again. */
void signal_fault(int sig, u64 addr, i32 code)
{
	siginfo_t info = { .si_signo = sig, .si_code = code };
	u64 h = S->sigactions[sig].handler;
	info.si_addr = (void *)addr;
	if (h == (u64)SIG_DFL || h == (u64)SIG_IGN || SELF->mask & SIGBIT(sig))
		signal_die(sig, S->frame[RIP], addr);
	enter(sig, &info);
}

/* To the thread that wrote: signal(7), SIGPIPE. */
void raise_sigpipe(void)
{
	if (!ignored(SIGPIPE))
		SELF->pending |= SIGBIT(SIGPIPE);
}

/* The frame is guest memory, and may say anything. Segments are not taken from it, nor what the
 * host kernel is to believe of the XSAVE area's size; a wrong component in the area is for the host
 * kernel to refuse. */
i64 sys_rt_sigreturn(void)
{
	struct sigframe f;
	struct thread *t = SELF;
	u64 *r = S->frame, sp = r[RSP] - 8;
	if (from_user(&f, sp, sizeof f))
		signal_die(SIGSEGV, r[RIP], sp);
	u64 segments = r[CSGSFS];
	memcpy(r, f.regs, sizeof f.regs);
	r[CSGSFS] = segments;
	r[EFL] = (r[EFL] & EFL_GUEST) | EFL_ALWAYS;
	if (f.fpstate && r[FPSTATE]) {
		struct _fpx_sw_bytes keep, *sw = &((struct _fpstate_64 *)r[FPSTATE])->sw_reserved;
		u64 n = MIN(fp_length(r[FPSTATE]), (u64)HOST->xsave_size);
		keep = *sw;
		if (from_user((void *)r[FPSTATE], f.fpstate, n))
			/* half of the area is overwritten, but nobody goes on with it */
			signal_die(SIGSEGV, r[RIP], f.fpstate);
		*sw = keep;
	}
	t->mask = f.mask & ~NEVER_BLOCKED;
	return REPLACED;
}
