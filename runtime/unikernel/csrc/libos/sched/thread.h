/* thread.h: threads of the guest. */
#ifndef THREAD_H
#define THREAD_H
#include "base/libos.h"

#define MAX_THREADS 1024 /* AWS Lambda's limit of processes and threads */

/* Free; can run; waits to be tried again; waits at an address. */
enum { T_FREE, T_RUN, T_WAIT, T_FUTEX };

/* Indexes of a signal frame's registers: struct sigcontext of <asm/sigcontext.h>, in words. */
enum {
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	RDI,
	RSI,
	RBP,
	RBX,
	RDX,
	RAX,
	RCX,
	RSP,
	RIP,
	EFL,
	CSGSFS,
	ERR,
	TRAPNO,
	OLDMASK,
	CR2,
	REGS, /* words that a thread keeps */
	FPSTATE = REGS, /* in a frame the address of the XSAVE area follows, 0: none */
};

struct kstack {
	u64 sp;
	i32 flags;
	u64 size;
}; /* stack_t */

struct thread {
	u32 state, tid;
	u64 fs, ctid; /* FS base; where the id is cleared when the thread ends (set_tid_address) */
	u64 deadline; /* now_mono() at which the wait ends; 0: none, or not yet set */
	u64 seen; /* S->changes when the blocked call was last tried */
	u64 progress; /* bytes that a blocked call has moved already */
	u64 futex; /* address that the thread waits at */
	u32 futex_bits; /* 0: waits to own it (owner.c) */
	u32 retrying; /* the call now dispatched is a retry */
	u64 robust; /* struct robust_list_head of the guest, 0: none */
	u64 trap_rip; /* a rewritten call that traps after all goes on here */
	i64 answer; /* and has been answered so, if answered is 1 */
	u32 answered, pad;
	u64 mask, pending, saved_mask;
	u32 has_saved_mask, fp_len;
	struct kstack alt;
	char name[16];
	u64 regs[REGS];
	u8 fp[] __attribute__((aligned(64))); /* XSAVE area, uc_host.xsave_size bytes */
};

struct thread *thread_new(void); /* NULL: no room, or the limits forbid it */
struct thread *thread_by_tid(u64 tid); /* NULL: none */
void thread_save(struct thread *); /* registers and floating point state out of the frame */
void thread_load(u32 i); /* … into the frame: thread i is the running one */
void park(u32 state); /* saves the frame into SELF, which then waits */
i64 block(u64 timeout_ns); /* BLOCKED, or -ETIMEDOUT when the deadline of this call has passed */
#define FOREVER (~0ull)
u32 fp_length(u64 fp); /* bytes of the XSAVE area at fp, as its software-reserved bytes say */
#endif
