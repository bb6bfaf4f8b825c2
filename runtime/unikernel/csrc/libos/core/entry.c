/*
 * entry.c: the ways into the libOS, and out of it.
 *
 * In: a signal of the host (a guest's system call, a fault, the tick), the end of a sleep, and
 * enter, once at boot or restore. Out: rt_sigreturn on a frame whose registers are those of the
 * thread that runs next. After a signal that frame is the host kernel's; after a sleep or at the
 * start it is built here by hand.
 *
 * A frame on UC_STACK is only ever the running thread's: a thread that sleeps has its registers in
 * struct thread (thread.c). So the stack is dead whenever the UC sleeps, and a snapshot needs
 * neither it nor a register.
 */
#include "core/calls.h"
#include "core/exec.h"
#include "base/state.h"
#include "host/clock.h"
#include "host/host.h"
#include "channel/inbox.h"
#include "mm/region.h"
#include "core/schedule.h"

#define TRAP_FLAG 0x100ull /* of EFL: SIGTRAP after each instruction */
#define USER_SEGMENTS 0x002b000000000033 /* CS and SS of 64-bit user code, as Linux has them */
#define UC_FP_XSTATE 7 /* uc_flags of a frame: an XSAVE area, and strict restore of SS */

/* From UC_LIBOS up to the host block lies the libOS's own text. */
static int in_libos(u64 rip) { return rip >= UC_LIBOS && rip < UC_HOST; }

/* The guest's stack pointer never lies here: UC_STACK is outside of the region. */
static int on_stack(u64 rsp) { return rsp > UC_STACK && rsp <= UC_STACK + UC_STACK_SIZE; }

/* Another thread's turn. Without one the UC sleeps at the place where it can be reset
 * (UC_SLEEP_CALL), and goes on in libos_woken. */
static void run_next(void)
{
	if (schedule())
		return;
	host_asleep();
	uc_sleep();
}

/* A call that trapped. One that came by the fast way has its number and its answer already
 * (rewrite.c). */
static void guest_call(u64 *r)
{
	struct thread *t = SELF;
	/* The one trap that does not come from the guest's own instruction: its registers are restored,
	 * and RIP is where the rewritten call goes on. */
	int fast = r[RIP] == (u64)uc_slow;
	if (fast)
		r[RIP] = t->trap_rip;
	else
		rewrite(r);
	/* A call that trapped is its first attempt. */
	t->retrying = 0;
	i64 v = fast && t->answered ? t->answer : (i64)dispatch(r[RAX], r);
	if (v == BLOCKED) {
		park(T_WAIT);
		/* Changes until here are in the answer already: only later ones are a reason to try again. */
		t->seen = S->changes;
		run_next();
	} else if (v == PARKED) {
		run_next();
	} else {
		if (v != REPLACED) {
			/* They belong to the call that has just ended, not to the thread's next one. */
			t->deadline = t->progress = 0;
			r[RAX] = v;
		}
		if (S->resched)
			preempt();
	}
	signal_deliver();
}

/* Three kinds of fault: of a copy from or to the guest, whose caller answers -EFAULT; of the libOS,
 * a defect that ends the UC; and of a guest's instruction, which is the guest's to handle. */
static void fault(int sig, u64 *r, const siginfo_t *info)
{
	if (r[RIP] >= (u64)copy_user && r[RIP] < (u64)copy_user_end) {
		r[RIP] = (u64)copy_fault;
		return;
	}
	u64 addr = (u64)info->si_addr;
	if (in_libos(r[RIP]) || on_stack(r[RSP])) {
		char b[200];
		struct text t = { b, 0, sizeof b - 1 };
		put(&t, "libOS fault: signal "), put_i(&t, sig), put(&t, " at 0x"), put_x(&t, r[RIP]), put(&t, " address 0x");
		put_x(&t, addr), put(&t, " call "), put_u(&t, S->frame ? S->frame[RAX] : 0);
		b[t.n] = 0;
		/* A fault while a call is answered may come from an address of the guest's that was used
		 * without copy_user. It ends this UC, and nobody else's. */
		uc_end(UC_EXIT_LIBOS, sig, b);
	}
	S->frame = r;
	signal_fault(sig, addr, info->si_code);
	signal_deliver();
}

/* A signal frame as the host kernel pushes it (struct ucontext of <asm/ucontext.h>, without what is
 * in front of it). */
struct frame {
	u64 flags, link;
	struct kstack stack;
	u64 regs[REGS], fpstate, reserved[8], mask;
	/* of a frame that is built here: AMX's tiles make up two thirds of it */
	u8 fp[12288] __attribute__((aligned(64)));
};

/* The handler of all of UC_SIGNALS (abi/uc.h), on UC_STACK. */
void on_signal(int sig, siginfo_t *info, struct frame *f)
{
	const struct kstack *stack = &f->stack;
	u64 *r = f->regs;
	/* A guest can set another signal stack, by rt_sigreturn. Nothing is handled on a stack of a
	 * guest's choice. A tick that meets the libOS there is dropped: a reset UC has the stack of the
	 * function before until uc_after_reset is through. */
	if (stack->sp != UC_STACK || stack->size != UC_STACK_SIZE || stack->flags) {
		if (sig == SIGPROF && in_libos(r[RIP]))
			return;
		uc_panic("signal stack at", stack->sp);
	}
	/* The filter traps every system call but the stub's. */
	if (sig == SIGSYS && on_stack(r[RSP])) {
		/* Not a guest's call: the host's vDSO, called by the libOS, has no clock source and asks
		 * its kernel. */
		r[RAX] = r[RAX] == __NR_clock_gettime ? hostcall(__NR_clock_gettime, r[RDI], r[RSI], 0, 0, 0, 0) : -ENOSYS;
	} else if (sig == SIGSYS) {
		S->frame = r;
		guest_call(r);
	} else if (sig == SIGPROF) {
		/* The tick: the running thread has had its time. */
		S->resched = 1;
		if (in_libos(r[RIP]) || on_stack(r[RSP]))
			/* the call under way, perhaps in the host's vDSO, looks at resched when it ends */
			return;
		S->frame = r;
		preempt();
		signal_deliver();
	} else if (sig == SIGTRAP && in_libos(r[RIP])) {
		r[EFL] &= ~TRAP_FLAG; /* the guest left the trap flag set */
	} else {
		fault(sig, r, info);
	}
}

/* What rt_sigreturn reads besides registers. The area behind fp stays as it is: fpstate is 0 unless
 * go_on sets it. */
static void empty_frame(struct frame *f)
{
	memset(f, 0, offsetof(struct frame, fp));
	f->flags = UC_FP_XSTATE;
	f->stack = (struct kstack){ UC_STACK, 0, UC_STACK_SIZE };
	f->regs[CSGSFS] = USER_SEGMENTS;
	S->frame = f->regs;
	S->owner = 0;
}

/* On an empty stack, to whichever thread can run. */
static _Noreturn void go_on(struct frame *f)
{
	f->fpstate = (u64)f->fp;
	run_next();
	signal_deliver();
	frame_return(f);
}

/* Called by uc_sleep (start.S), with what its recvfrom returned. Of the stack that the UC slept on
 * nothing is left. */
void libos_woken(i64 received)
{
	struct frame f;
	host_woke();
	empty_frame(&f);
	host_received(received);
	go_on(&f);
}

/* An empty state: the program starts. The frame has no floating point state, so that rt_sigreturn
 * sets it to its initial values. */
static void boot(const struct uc_libos *me)
{
	S->pub.magic = UC_MAGIC;
	S->pub.abi = UC_ABI;
	memcpy(S->pub.libos_id, me->id, sizeof me->id);
	memory_init();
	S->pub.calls_off = offsetof(struct state, calls);
	S->pub.unknown_off = offsetof(struct state, unknown);
	i64 r = exec_boot();
	if (r < 0) {
		char b[320];
		struct text t = { b, 0, sizeof b - 1 };
		put(&t, "cannot start "), put(&t, (const char *)HOST->strings + HOST->exe_off), put(&t, ": errno "),
			put_i(&t, -r);
		b[t.n] = 0;
		uc_end(UC_EXIT_REFUSED, -r, b);
	}
	host_set_fs(0);
}

/* A state that a snapshot or a fork left. What another process may have made untrue is put right. */
static void resume(const struct uc_libos *me)
{
	/* The state has pointers into the libOS (kinds of files), so another build's state is worth
	 * nothing. */
	if (S->pub.magic != UC_MAGIC || S->pub.abi != UC_ABI || memcmp(S->pub.libos_id, me->id, sizeof me->id))
		uc_end(UC_EXIT_REFUSED, 0, "the snapshot belongs to another libOS");
	if (HOST->flags & UC_F_FSGSBASE) /* a guest before this one may have set GS */
		__asm__ volatile("wrgsbase %0" : : "r"(0ull));
	S->pub.quiescent = 0; /* it was 1 when this state was captured */
	S->pub.wakes++;
	S->pub.resumes++;
	S->pub.discards = 0;
	S->snap_top = S->pub.high_top;
	/* After a reboot of the host its monotonic clock is earlier than the guest has seen already. */
	u64 mono = now_mono();
	if (mono < S->last_mono)
		S->mono_offset += S->last_mono - mono;
	S->host_fs = ~0ull; /* unknown: thread_load sets it */
	changed(); /* timers may have run out while nobody ran */
}

/* Called by uc_enter (start.S); received is as for libos_woken. */
void libos_enter(u64 how, i64 received)
{
	struct frame f;
	const struct uc_libos *me = (const struct uc_libos *)UC_LIBOS_HEADER;
	if (HOST->magic != UC_MAGIC || HOST->abi != UC_ABI || HOST->xsave_size + FP_XSTATE_MAGIC2_SIZE > sizeof f.fp)
		uc_end(UC_EXIT_REFUSED, 0, "host block: other ABI or XSAVE area too large");
	empty_frame(&f);
	if (how == UC_BOOT) {
		boot(me);
		frame_return(&f);
	}
	resume(me);
	host_received(received);
	go_on(&f);
}
