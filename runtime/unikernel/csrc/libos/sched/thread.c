/*
 * thread.c: threads of the guest: slots, registers, and the state of a call that waits.
 *
 * Only the running thread has its registers in the signal frame on UC_STACK. A thread that does not
 * run has them in its slot, so a snapshot of the region has every thread that waits. A slot is made
 * when there were never so many threads before, and is used again: its memory, which includes an
 * XSAVE area, is never given back.
 */
#include "base/state.h"
#include "host/clock.h"
#include "host/host.h"
#include "mm/region.h"

/* Layout of an XSAVE area in its standard format, in bytes (Intel SDM, volume 1, section 13.4). */
enum {
	FXSAVE_SIZE = 512, /* the legacy region; the header, whose first word is XSTATE_BV, follows */
	FX_RESERVED =
		464, /* struct _fpx_sw_bytes: what the kernel says of the area, in bytes that the processor leaves alone */
	XSAVE_LEGACY = 576, /* legacy region and header */
	XSAVE_AVX = 832, /* with component 2, the upper halves of the YMM registers */
	XSTATE_FP_SSE = 3, /* bits of XSTATE_BV: components 0 and 1 lie in the legacy region */
	XSTATE_UP_TO_AVX = 7,
};

/* A free slot, or a new one. Its signal stack is off, its mask is empty: clone copies its creator's. */
struct thread *thread_new(void)
{
	u64 size = PAGE_UP(sizeof(struct thread) + HOST->xsave_size + 64);
	/* The platform's limit comes before the table's. */
	if (HOST->max_threads && S->pub.threads >= HOST->max_threads)
		return NULL;
	for (u32 i = 0; i < MAX_THREADS; i++) {
		struct thread *t = S->threads[i];
		if (!t) {
			/* Whole pages, aligned for XSAVE. */
			t = (void *)region_alloc(size, V_LIBOS);
			if (!t)
				return NULL;
			S->threads[i] = t;
		}
		if (t->state == T_FREE) {
			memset(t, 0, sizeof *t);
			t->state = T_RUN;
			t->alt.flags = SS_DISABLE;
			/* As on Linux, the first thread's id is the process's. The others' are no process's: a
			 * restore gives the process another one, which no thread may have already. */
			t->tid = S->next_tid ? S->next_tid : HOST->pid;
			S->next_tid = S->next_tid && S->next_tid + 1 < UC_PID_MAX ? S->next_tid + 1 : UC_TID_MIN;
			S->nthreads = MAX(S->nthreads, i + 1);
			S->pub.threads++;
			return t;
		}
	}
	return NULL;
}

/* The first thread answers to the process's present id too: after a restore its own one is another. */
struct thread *thread_by_tid(u64 tid)
{
	if (tid == HOST->pid)
		return S->threads[0];
	for (u32 i = 0; i < S->nthreads; i++)
		if (S->threads[i]->state != T_FREE && S->threads[i]->tid == tid)
			return S->threads[i];
	return NULL;
}

/* Without the magic number the area is that of FXSAVE alone. With it, the kernel expects a second
 * one behind the area. */
u32 fp_length(u64 fp)
{
	const struct _fpx_sw_bytes *sw = (const void *)(fp + FX_RESERVED);
	return sw->magic1 == FP_XSTATE_MAGIC1 ? sw->extended_size : FXSAVE_SIZE;
}

/* The frame's XSAVE area, 0: none. Its length was written by the host's kernel; a longer one than a
 * slot has room for cannot come. */
static u64 fp_area(u64 *regs, u32 *len)
{
	u64 p = regs[FPSTATE];
	*len = p ? fp_length(p) : 0;
	if (*len > HOST->xsave_size + FP_XSTATE_MAGIC2_SIZE)
		uc_panic("XSAVE area", *len);
	return p;
}

/* How much of an XSAVE area says anything: components above the highest one in use are at their
 * initial values. Most threads use SSE alone, and AVX-512 has 2 KB behind it that nobody needs to
 * copy. */
static u64 fp_used(u64 fp, u32 len)
{
	u64 in_use = len > XSAVE_LEGACY ? *(const u64 *)(fp + FXSAVE_SIZE) : 0;
	return MIN((u64)len,
		!(in_use & ~(u64)XSTATE_FP_SSE)			 ? XSAVE_LEGACY
			: !(in_use & ~(u64)XSTATE_UP_TO_AVX) ? XSAVE_AVX
												 : len);
}

/* The floating point state is copied as far as it says anything. */
void thread_save(struct thread *t)
{
	u64 fp = fp_area(S->frame, &t->fp_len);
	memcpy(t->regs, S->frame, sizeof t->regs);
	memcpy(t->fp, (void *)fp, fp_used(fp, t->fp_len));
}

/* fs: the thread's own; a host call sets it only if the host thread has another. */
void thread_load(u32 i)
{
	struct thread *t = S->threads[i];
	u64 segments = S->frame[CSGSFS]; /* the host's, not the guest's to choose */
	memcpy(S->frame, t->regs, sizeof t->regs);
	S->frame[CSGSFS] = segments;
	u64 fp = S->frame[FPSTATE];
	/* A thread that parked last and runs next finds its floating point state where it was. */
	if (S->owner != i + 1 && t->fp_len) {
		memcpy((void *)fp, t->fp, fp_used((u64)t->fp, t->fp_len));
		if (t->fp_len > XSAVE_LEGACY)
			/* fp_used has left it out */
			*(u32 *)(fp + t->fp_len - FP_XSTATE_MAGIC2_SIZE) = FP_XSTATE_MAGIC2;
	}
	t->state = T_RUN;
	S->owner = 0;
	S->cur = i;
	if (t->fs != S->host_fs)
		host_set_fs(t->fs);
}

void park(u32 state)
{
	thread_save(SELF);
	SELF->state = state;
	S->owner = S->cur + 1;
}

/* A call that is tried again keeps the deadline of its first attempt. */
i64 block(u64 ns)
{
	struct thread *t = SELF;
	if (!t->retrying)
		t->deadline = ns == FOREVER ? 0 : now_mono() + ns;
	else if (t->deadline && now_mono() >= t->deadline)
		return -ETIMEDOUT;
	return BLOCKED;
}
