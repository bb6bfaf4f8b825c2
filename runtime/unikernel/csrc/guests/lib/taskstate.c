/*
 * taskstate.c: a library that a function loads to change what the host's kernel and the processor keep for its
 * thread, and that the function after it loads to look for traces. spoil never returns: the UC then sleeps as one
 * that waits for its next call.
 */
#include <stdint.h>
#include "../../../abi/uc.h"

typedef uint64_t u64;
typedef uint32_t u32;

/* What is spoiled: bits. */
enum {
	ALTSTACK = 1, /* the signal stack is all memory */
	AUTODISARM = 2, /* the signal stack is a page of the guest, taken away at each signal */
	MASK = 4, /* all signals are blocked, and one waits */
	FLAGS = 8, /* direction, alignment check, id */
	NUMBERS = 16, /* MXCSR, x87 control word, a vector register */
	SEGMENTS = 32, /* selectors and both bases */
	TRAP = 64, /* the trap flag, from the sleep on */
	MAPPING = 128, /* a mapping of its own */
	PKRU = 256, /* no memory may be read or written, where the processor has protection keys */
};

#define MARK 0x6b72616d6b72616dull

struct frame { /* what rt_sigreturn reads */
	u64 flags, link;
	u64 stack, stack_flags, stack_size;
	u64 regs[23], fp, reserved[8], mask;
};
enum { R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP, EFL, CSGSFS };

static u64 stub(u64 n, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	u64 r;
	register u64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = 0;
	__asm__ volatile("call *%%rbx"
					 : "=a"(r)
					 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), "b"(UC_LIBOS)
					 : "rcx", "r11", "memory");
	return r;
}

static int fsgsbase(void) { return ((const struct uc_host *)UC_HOST)->flags & UC_F_FSGSBASE; }

static int pkeys(void)
{
	u32 a = 7, b, c = 0, d;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 4 & 1; /* OSPKE */
}

/* rt_sigreturn by the libOS's instruction; frame lies above the stack pointer that it wants. */
static _Noreturn void sigreturn(struct frame *f)
{
	f->flags = 7;
	f->regs[CSGSFS] = 0x002b000000000033;
	__asm__ volatile("mov %0, %%rsp; jmp *%1" : : "c"(f), "b"((u64)UC_LIBOS), "a"(15) : "memory");
	__builtin_unreachable();
}

static void sleep_call(struct frame *f, u64 flags) /* UC_SLEEP_CALL */
{
	f->regs[RIP] = UC_LIBOS, f->regs[RSP] = UC_STACK + UC_STACK_SIZE - 8, f->regs[EFL] = flags;
	f->regs[RAX] = 45, f->regs[RDI] = UC_CHANNEL_FD, f->regs[RSI] = UC_STACK, f->regs[RDX] = UC_MSG_MAX;
}

static void spoil_registers(u32 what)
{
	static u64 mark[2] = { MARK, MARK };
	if (what & NUMBERS) {
		u32 mxcsr = 0x7f80, x87 = 0x0c7f; /* other roundings */
		__asm__ volatile("ldmxcsr %0; fldcw %1; movups %2, %%xmm15" : : "m"(mxcsr), "m"(x87), "m"(mark));
	}
	if (what & SEGMENTS) {
		__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(0x2b));
		if (fsgsbase())
			__asm__ volatile("wrgsbase %0; wrfsbase %0" : : "r"(MARK >> 17));
	}
}

static struct frame sleeping;

/* Spins for some ticks of ITIMER_PROF, so that one is pending, and sleeps. */
static _Noreturn void with_signals_blocked(void)
{
	for (volatile u64 i = 0; i < 100000000; i++)
		;
	sigreturn(&sleeping);
}

_Noreturn void spoil(u32 what)
{
	static char page[8192] __attribute__((aligned(4096)));
	struct frame *f = &sleeping;
	u64 flags = 0x202 | (what & FLAGS ? 0x240400 : 0) | (what & TRAP ? 0x100 : 0);
	*f = (struct frame){ .stack = UC_STACK, .stack_size = UC_STACK_SIZE };
	if (what & ALTSTACK)
		f->stack = 0x1000, f->stack_size = 1ull << 47;
	if (what & AUTODISARM)
		f->stack = (u64)page, f->stack_flags = 1ull << 31, f->stack_size = sizeof page;
	if (what & MASK)
		f->mask = ~0ull;
	if (what & MAPPING)
		stub(9, UC_STATE + (2 << 20) - 4096, 4096, 7, 0x4032, -1); /* of the snapshot, and unused */
	if (what & (NUMBERS | SEGMENTS | PKRU)) {
		spoil_registers(what);
		/* By a jump: rt_sigreturn sets the number units. */
		register u64 r10 __asm__("r10") = 0, r8 __asm__("r8") = 0, r9 __asm__("r9") = 0;
		register u64 r12 __asm__("r12") = UC_STACK + UC_STACK_SIZE - 8;
		if (what & PKRU && pkeys())
			__asm__ volatile(
				"mov %%r12, %%rsp; mov %%rdx, %%r13; xor %%ecx, %%ecx; xor %%edx, %%edx; mov $-1, %%eax; wrpkru;"
				"mov %%r13, %%rdx; mov $45, %%eax; jmp *%%rbx"
				:
				: "r"(r12), "b"((u64)UC_LIBOS), "D"(UC_CHANNEL_FD), "S"((u64)UC_STACK), "d"(UC_MSG_MAX), "r"(r10),
				"r"(r8), "r"(r9)
				: "memory");
		__asm__ volatile("mov %%r12, %%rsp; push %0; popfq; jmp *%%rbx"
						 :
						 : "c"(flags), "r"(r12), "a"(45), "b"((u64)UC_LIBOS), "D"(UC_CHANNEL_FD), "S"((u64)UC_STACK),
						 "d"(UC_MSG_MAX), "r"(r10), "r"(r8), "r"(r9)
						 : "memory");
		__builtin_unreachable();
	}
	sleep_call(f, flags);
	if (what & MASK) {
		static struct frame first;
		static char stack[65536] __attribute__((aligned(16)));
		first = *f;
		first.regs[RIP] = (u64)with_signals_blocked, first.regs[RSP] = (u64)(stack + sizeof stack - 8);
		first.regs[EFL] = 0x202;
		sigreturn(&first);
	}
	sigreturn(f);
}

/* Bits of what is to be seen of another's spoiling; 0 for nothing. */
u32 look(void)
{
	u32 seen = 0, mxcsr = 0, selectors = 0, s;
	unsigned short x87 = 0;
	u64 flags, vector, gs = 0;
	__asm__ volatile("pushfq; pop %0; movq %%xmm15, %1" : "=r"(flags), "=r"(vector));
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(x87));
	__asm__ volatile("mov %%ds, %0" : "=r"(s));
	selectors |= s;
	__asm__ volatile("mov %%es, %0" : "=r"(s));
	selectors |= s;
	__asm__ volatile("mov %%fs, %0" : "=r"(s));
	selectors |= s;
	__asm__ volatile("mov %%gs, %0" : "=r"(s));
	selectors |= s;
	if (fsgsbase())
		__asm__ volatile("rdgsbase %0" : "=r"(gs));
	if (flags & 0x240500)
		seen |= FLAGS;
	if ((mxcsr & 0xffc0) != 0x1f80 || x87 != 0x37f || vector == MARK)
		seen |= NUMBERS;
	if (selectors & 0xffff || gs)
		seen |= SEGMENTS;
	/* A signal frame that lands on this stack lies below its pointer and the red zone. */
	static volatile u64 words[4096];
	u64 dirty;
	for (int i = 0; i < 4096; i++)
		words[i] = MARK;
	__asm__ volatile("mov %%rsp, %%r12; mov %1, %%rsp; mov $39, %%eax; syscall; mov %%r12, %%rsp; mov %%rax, %0"
					 : "=r"(dirty)
					 : "r"(words + 4096)
					 : "rax", "rcx", "r11", "r12", "memory");
	for (int i = 0; i < 4096; i++)
		if (words[i] != MARK)
			seen |= ALTSTACK;
	return seen;
}
