/*
 * owner.c: futexes that hold their owner's thread id: FUTEX_LOCK_PI and its kin, and the robust lists that pass a lock on
 * when its owner ends. Threads here have no priorities to inherit; what is left of futex(2) is who owns the word.
 *
 * The owner's id is the one that a C library remembers of clone and set_tid_address: thread.tid. Of the first thread
 * gettid says another one after a restore; a word that the guest wrote with that is its own as well.
 */
#include "sched/owner.h"

static int is(const struct thread *t, u32 tid)
{
	return t->state != T_FREE && (t->tid == tid || (t == S->threads[0] && tid == HOST->pid));
}

static struct thread *owner_of(u32 word)
{
	for (u32 i = 0; i < S->nthreads; i++)
		if (is(S->threads[i], word & FUTEX_TID_MASK))
			return S->threads[i];
	return NULL;
}

/* Who waits to own addr, and not to be woken: such a one has no bits, and so futex_wake passes by. Taken in turns. */
static struct thread *next_owner(u64 addr)
{
	for (u32 k = 1; k <= S->nthreads; k++) {
		struct thread *t = S->threads[(S->cur + k) % S->nthreads];
		if (t->state == T_FUTEX && t->futex == addr && !t->futex_bits)
			return t;
	}
	return NULL;
}

/* Would the running thread wait for itself, by way of what the owner waits for? */
static int deadlock(const struct thread *owner)
{
	u32 word;
	for (u32 n = 0; owner && n <= S->nthreads; n++) {
		if (owner == SELF)
			return 1;
		if (owner->state != T_FUTEX || owner->futex_bits || from_user(&word, owner->futex, 4))
			return 0;
		owner = owner_of(word);
	}
	return 0;
}

i64 owner_lock(u64 addr, u64 deadline, int try)
{
	u32 word;
	if (from_user(&word, addr, 4))
		return -EFAULT;
	if (!(word & FUTEX_TID_MASK)) {
		word = (word & FUTEX_OWNER_DIED) | SELF->tid | (next_owner(addr) ? FUTEX_WAITERS : 0);
		return to_user(addr, &word, 4);
	}
	struct thread *owner = owner_of(word);
	if (owner == SELF)
		return -EDEADLK;
	if (!owner)
		return -ESRCH;
	if (try)
		return -EAGAIN;
	if (deadlock(owner))
		return -EDEADLK;
	word |= FUTEX_WAITERS;
	if (to_user(addr, &word, 4))
		return -EFAULT;
	SELF->deadline = deadline;
	SELF->futex = addr;
	SELF->futex_bits = 0;
	park(T_FUTEX);
	schedule();
	return REPLACED;
}

/* Gives the word to who waits for it, or to nobody. */
static i64 hand_over(u64 addr, u32 died)
{
	struct thread *t = next_owner(addr);
	u32 word = died | (t ? FUTEX_WAITERS | t->tid : 0);
	if (to_user(addr, &word, 4))
		return -EFAULT;
	if (t) {
		t->state = T_RUN;
		t->regs[RAX] = 0;
		t->deadline = 0;
	}
	return 0;
}

i64 owner_unlock(u64 addr)
{
	u32 word;
	if (from_user(&word, addr, 4))
		return -EFAULT;
	return is(SELF, word & FUTEX_TID_MASK) ? hand_over(addr, 0) : -EPERM;
}

/* ---- The end of an owner ---- */

#define ROBUST_MAX 2048 /* ROBUST_LIST_LIMIT */

/* A lock of the list, or the one that was about to come or go. Bit 0 of an entry says that its lock is a PI one. */
static void bequeath(u64 entry, i64 offset)
{
	u64 addr = (entry & ~1ull) + offset;
	u32 word;
	if (addr & 3 || from_user(&word, addr, 4) || !is(SELF, word & FUTEX_TID_MASK))
		return;
	u32 died = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
	if (entry & 1)
		hand_over(addr, FUTEX_OWNER_DIED);
	else if (!to_user(addr, &died, 4) && word & FUTEX_WAITERS)
		futex_wake(addr, 1, ~0u);
}

/* struct robust_list_head of <linux/futex.h>: the first entry, where an entry's lock lies from it, the pending entry. */
static void walk_robust_list(u64 head)
{
	u64 h[3], entry, next;
	if (!head || from_user(h, head, sizeof h))
		return;
	entry = h[0];
	for (int n = 0; n < ROBUST_MAX && (entry & ~1ull) != head; n++, entry = next) {
		int more = !from_user(&next, entry & ~1ull, 8); /* read before its lock goes, and perhaps its memory */
		if ((entry & ~1ull) != (h[2] & ~1ull))
			bequeath(entry, h[1]);
		if (!more)
			return;
	}
	if (h[2])
		bequeath(h[2], h[1]);
}

void owner_exit(void)
{
	u32 word;
	walk_robust_list(SELF->robust);
	SELF->robust = 0;
	/* What it held besides, if others wait for it. */
	for (u32 i = 0; i < S->nthreads; i++) {
		struct thread *t = S->threads[i];
		if (t->state == T_FUTEX && !t->futex_bits && !from_user(&word, t->futex, 4) && is(SELF, word & FUTEX_TID_MASK))
			hand_over(t->futex, FUTEX_OWNER_DIED);
	}
}

i64 sys_set_robust_list(u64 head, u64 size)
{
	if (size != 24)
		return -EINVAL;
	SELF->robust = head;
	return 0;
}

i64 sys_get_robust_list(u64 tid, u64 head, u64 size)
{
	struct thread *t = tid ? owner_of(tid) : SELF;
	u64 n = 24;
	if (!t)
		return -ESRCH;
	return to_user(size, &n, 8) || to_user(head, &t->robust, 8) ? -EFAULT : 0;
}
