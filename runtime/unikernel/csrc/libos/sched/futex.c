/*
 * futex.c: threads that wait at an address, and who is woken.
 *
 * There is one address space, so private and shared futexes are the same thing. A thread that waits
 * is in state T_FUTEX with the address in its slot; to wake is to look through the slots. A thread
 * that waits to own a word (owner.c) has no bits, and so no wake finds it.
 */
#include "base/state.h"
#include "sched/futex.h"

/* The k-th thread after the running one: a search from there makes waiters take turns. */
static struct thread *after(u32 k) { return S->threads[(S->cur + k) % S->nthreads]; }

/* A wait that was woken returns 0: futex(2). */
void futex_woken(struct thread *t)
{
	t->state = T_RUN;
	t->regs[RAX] = 0;
	t->deadline = 0;
}

/* A parked thread has the registers of its call: the operation in RSI, the second word in R8. */
u64 futex_requeues(const struct thread *t)
{
	return t->futex_bits && futex_command(t->regs[RSI]) == FUTEX_WAIT_REQUEUE_PI ? t->regs[R8] : 0;
}

/* Wakes up to n waiters whose bits meet bits. */
int futex_wake(u64 addr, int n, u32 bits)
{
	int woken = 0;
	for (u32 k = 1; k <= S->nthreads && woken < n; k++) {
		struct thread *t = after(k);
		/* A thread that was to own another word would believe that it does. */
		if (t->state == T_FUTEX && t->futex == addr && t->futex_bits & bits && !futex_requeues(t)) {
			futex_woken(t);
			woken++;
		}
	}
	return woken;
}

/* NULL: no thread waits to own the word. */
struct thread *futex_next_owner(u64 addr)
{
	for (u32 k = 1; k <= S->nthreads; k++) {
		struct thread *t = after(k);
		if (t->state == T_FUTEX && t->futex == addr && !t->futex_bits)
			return t;
	}
	return NULL;
}

/* deadline is in now_mono(); 0 waits for ever. */
i64 futex_park(u64 addr, u32 bits, u64 deadline)
{
	struct thread *t = SELF;
	t->deadline = deadline;
	t->futex = addr;
	t->futex_bits = bits;
	park(T_FUTEX);
	return PARKED;
}
