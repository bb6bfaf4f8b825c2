/*
 * entry.c: the two ways into the libOS: a signal of the host (a guest's system call, a fault, the tick), and enter, once
 * at boot or restore. Both end in rt_sigreturn on a frame whose registers are those of the thread that runs next.
 *
 * A frame on UC_STACK is only ever the running thread's: whatever sleeps has its registers in struct thread.
 */
#include "core/state.h"
#include "sched/signal.h"

#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGSEGV 11
#define SIGPROF 27
#define SIGSYS 31

static int in_libos(u64 rip) { return rip >= UC_LIBOS && rip < UC_HOST; }

static int on_stack(u64 rsp) { return rsp > UC_STACK && rsp <= UC_STACK + UC_STACK_SIZE; }

static void guest_call(u64 *r)
{
	struct thread *t = SELF;
	int fast = r[RIP] == (u64)uc_slow;
	if (fast)
		r[RIP] = t->trap_rip;
	else
		rewrite(r);
	t->retrying = 0;
	i64 v = fast && t->answered ? t->answer : (i64)dispatch(r[RAX], r);
	if (v == BLOCKED) {
		park(T_WAIT);
		t->seen = S->changes;
		schedule();
	} else {
		if (v != REPLACED) {
			t->deadline = t->progress = 0;
			r[RAX] = v;
		}
		if (S->resched)
			preempt();
	}
	signal_deliver();
}

static void fault(int sig, u64 *r, const u64 *info)
{
	if (r[RIP] >= (u64)copy_user && r[RIP] < (u64)copy_user_end) {
		r[RIP] = (u64)copy_fault;
		return;
	}
	u64 addr = info[2];
	if (in_libos(r[RIP]) || on_stack(r[RSP])) {
		char b[200];
		struct text t = { b, 0, sizeof b - 1 };
		put(&t, "libOS fault: signal "), put_i(&t, sig), put(&t, " at 0x"), put_x(&t, r[RIP]), put(&t, " address 0x");
		put_x(&t, addr), put(&t, " call "), put_u(&t, S->frame ? S->frame[RAX] : 0);
		b[t.n] = 0;
		uc_end(UC_EXIT_LIBOS, sig, b);
	}
	S->frame = r;
	signal_fault(sig, addr, *(const i32 *)((const u8 *)info + 8));
	signal_deliver();
}

void on_signal(int sig, void *info, void *ucontext)
{
	const struct kstack *stack = (const struct kstack *)((u64 *)ucontext + 2);
	u64 *r = (u64 *)ucontext + 5;
	/* A guest has set another one, by rt_sigreturn. Nothing is handled on a stack of its choice. */
	if (stack->sp != UC_STACK || stack->size != UC_STACK_SIZE || stack->flags)
		uc_panic("signal stack at", stack->sp);
	if (sig == SIGSYS && on_stack(r[RSP])) {
		/* Not a guest's call: the host's vDSO, called by the libOS, has no clock source and asks its kernel. */
		r[RAX] = r[RAX] == __NR_clock_gettime ? hostcall(__NR_clock_gettime, r[RDI], r[RSI], 0, 0, 0, 0) : -ENOSYS;
	} else if (sig == SIGSYS) {
		S->frame = r;
		guest_call(r);
	} else if (sig == SIGPROF) {
		S->resched = 1;
		if (in_libos(r[RIP]) || on_stack(r[RSP]))
			return; /* the call under way, perhaps in the host's vDSO, looks at resched when it ends */
		S->frame = r;
		preempt();
		signal_deliver();
	} else if (sig == SIGTRAP && in_libos(r[RIP])) {
		r[EFL] &= ~0x100ull; /* the guest left the trap flag set */
	} else {
		fault(sig, r, info);
	}
}

/* A signal frame as the host kernel would have pushed it; only what rt_sigreturn reads. */
struct frame {
	u64 flags, link;
	struct kstack stack;
	u64 regs[23], fpstate, reserved[8], mask;
	u8 fp[12288] __attribute__((aligned(64)));
};

static void empty_frame(struct frame *f)
{
	memset(f, 0, offsetof(struct frame, fp));
	f->flags = 7;
	f->stack = (struct kstack){ UC_STACK, 0, UC_STACK_SIZE };
	f->regs[CSGSFS] = 0x002b000000000033;
	S->frame = f->regs;
	S->owner = 0;
}

/* On an empty stack, to whichever thread can run. */
static _Noreturn void go_on(struct frame *f)
{
	f->fpstate = (u64)f->fp;
	schedule();
	signal_deliver();
	frame_return(f);
}

/* Called by uc_sleep (start.S), with what its recvfrom returned. Of the stack that it slept on nothing is left. */
void libos_woken(i64 received)
{
	struct frame f;
	host_woke();
	empty_frame(&f);
	host_received(received);
	go_on(&f);
}

/* libos_enter is called by uc_enter (start.S); received is as for libos_woken. */
void libos_enter(u64 how, i64 received)
{
	struct frame f;
	if (HOST->magic != UC_MAGIC || HOST->abi != UC_ABI || HOST->xsave_size + 4 > sizeof f.fp)
		uc_end(UC_EXIT_REFUSED, 0, "host block: other ABI or XSAVE area too large");
	const struct uc_libos *me = (const struct uc_libos *)UC_LIBOS_HEADER;
	empty_frame(&f);
	if (how == UC_BOOT) {
		S->pub.magic = UC_MAGIC;
		S->pub.abi = UC_ABI;
		memcpy(S->pub.libos_id, me->id, 32);
		memory_init();
		S->pub.calls_off = offsetof(struct state, calls);
		S->pub.unknown_off = offsetof(struct state, unknown);
		i64 r = exec_boot();
		if (r < 0) {
			char b[320];
			struct text t = { b, 0, sizeof b - 1 };
			put(&t, "cannot start "), put(&t, (const char *)HOST->strings + HOST->exe_off), put(&t, ": errno "), put_i(&t, -r);
			b[t.n] = 0;
			uc_end(UC_EXIT_REFUSED, -r, b);
		}
		host_set_fs(0);
	} else {
		if (S->pub.magic != UC_MAGIC || S->pub.abi != UC_ABI || memcmp(S->pub.libos_id, me->id, 32))
			uc_end(UC_EXIT_REFUSED, 0, "the snapshot belongs to another libOS");
		if (HOST->flags & UC_F_FSGSBASE) /* of a guest before this one */
			__asm__ volatile("wrgsbase %0" : : "r"(0ull));
		S->pub.quiescent = 0; /* it was 1 when this state was captured */
		S->pub.wakes++;
		S->pub.resumes++;
		S->pub.discards = 0;
		S->snap_top = S->pub.high_top;
		u64 mono = now_mono();
		if (mono < S->last_mono)
			S->mono_offset += S->last_mono - mono;
		S->host_fs = ~0ull;
		changed();
		host_received(received);
		go_on(&f);
	}
	frame_return(&f);
}
