/*
 * owner.c: futexes that hold their owner's thread id: FUTEX_LOCK_PI and its kin, and the robust
 * lists that pass a lock on when its owner ends (futex(2), get_robust_list(2)).
 *
 * Threads here have no priorities to inherit. What is left of a PI futex is that the kernel knows
 * who owns the word. The owner's id is the one that a C library remembers of clone and
 * set_tid_address: thread.tid. Of the first thread gettid says another one after a restore; a word
 * that the guest wrote with that id is the first thread's as well.
 */
#include "base/state.h"
#include "sched/futex.h"

/* Does tid name thread t? */
static int is(const struct thread *t, u32 tid)
{
	return t->state != T_FREE && (t->tid == tid || (t == S->threads[0] && tid == HOST->pid));
}

/* The thread whose id is in the word. NULL: it has ended, or never was. */
static struct thread *owner_of(u32 word)
{
	for (u32 i = 0; i < S->nthreads; i++)
		if (is(S->threads[i], word & FUTEX_TID_MASK))
			return S->threads[i];
	return NULL;
}

/* Would the running thread wait for itself, by way of what the owner waits for? A chain is no
 * longer than there are threads. */
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

/* Makes t the owner of a word that nobody owns. A lock whose owner has died keeps the mark until the
 * new owner has repaired what it guards. */
static i64 own(const struct thread *t, u64 addr, u32 word)
{
	word = (word & FUTEX_OWNER_DIED) | t->tid | (futex_next_owner(addr) ? FUTEX_WAITERS : 0);
	return to_user(addr, &word, 4);
}

/* FUTEX_LOCK_PI, with try FUTEX_TRYLOCK_PI: 0, PARKED or -errno. */
i64 owner_lock(u64 addr, u64 deadline, int try)
{
	u32 word;
	if (from_user(&word, addr, 4))
		return -EFAULT;
	if (!(word & FUTEX_TID_MASK))
		return own(SELF, addr, word);
	struct thread *owner = owner_of(word);
	/* futex(2), FUTEX_LOCK_PI: EDEADLK for a caller that owns the word. */
	if (owner == SELF)
		return -EDEADLK;
	/* futex(2): ESRCH when the thread of the word does not exist. */
	if (!owner)
		return -ESRCH;
	if (try)
		return -EAGAIN;
	if (deadlock(owner))
		return -EDEADLK;
	/* The bit makes the owner's unlock a system call, which hands the word over. */
	word |= FUTEX_WAITERS;
	if (to_user(addr, &word, 4))
		return -EFAULT;
	return futex_park(addr, 0, deadline);
}

/* FUTEX_CMP_REQUEUE_PI for one waiter: as if it had called FUTEX_LOCK_PI now. */
i64 owner_queue(struct thread *t, u64 addr)
{
	u32 word;
	if (from_user(&word, addr, 4))
		return -EFAULT;
	if (!(word & FUTEX_TID_MASK)) {
		i64 r = own(t, addr, word);
		if (!r)
			futex_woken(t);
		return r;
	}
	struct thread *owner = owner_of(word);
	if (!owner || owner == t)
		return owner ? -EDEADLK : -ESRCH;
	word |= FUTEX_WAITERS;
	if (to_user(addr, &word, 4))
		return -EFAULT;
	t->futex = addr;
	t->futex_bits = 0;
	return 0;
}

/* Gives the word to who waits for it, or to nobody. */
static i64 hand_over(u64 addr, u32 died)
{
	struct thread *t = futex_next_owner(addr);
	u32 word = died | (t ? FUTEX_WAITERS | t->tid : 0);
	if (to_user(addr, &word, 4))
		return -EFAULT;
	if (t)
		futex_woken(t);
	return 0;
}

/* FUTEX_UNLOCK_PI. */
i64 owner_unlock(u64 addr)
{
	u32 word;
	if (from_user(&word, addr, 4))
		return -EFAULT;
	/* futex(2), FUTEX_UNLOCK_PI: EPERM when the caller is not the owner. */
	return is(SELF, word & FUTEX_TID_MASK) ? hand_over(addr, 0) : -EPERM;
}

/* ---- The end of an owner ---- */

#define ROBUST_MAX 2048 /* ROBUST_LIST_LIMIT: a list may be a circle that never comes back to its head */
#define ROBUST_PI 1ull /* bit of an entry's address: its lock is a PI futex */

/* A lock of the list, or the one that was about to come or go. A word that names another owner by
 * now is not passed on. */
static void bequeath(u64 entry, i64 offset)
{
	u64 addr = (entry & ~ROBUST_PI) + offset;
	u32 word;
	/* The kernel's handle_futex_death refuses an unaligned word too. */
	if (addr & 3 || from_user(&word, addr, 4) || !is(SELF, word & FUTEX_TID_MASK))
		return;
	u32 died = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
	if (entry & ROBUST_PI)
		hand_over(addr, FUTEX_OWNER_DIED);
	else if (!to_user(addr, &died, 4) && word & FUTEX_WAITERS)
		futex_wake(addr, 1, ~0u);
}

/* The list is the guest's memory, which may be anything: a fault ends the walk. */
static void walk_robust_list(u64 head)
{
	struct {
		u64 first;
		i64 offset;
		u64 pending;
	} h; /* struct robust_list_head: <linux/futex.h> */
	u64 entry, next;
	if (!head || from_user(&h, head, sizeof h))
		return;
	entry = h.first;
	for (int n = 0; n < ROBUST_MAX && (entry & ~ROBUST_PI) != head; n++, entry = next) {
		/* read before its lock goes, and perhaps its memory */
		int more = !from_user(&next, entry & ~ROBUST_PI, 8);
		if ((entry & ~ROBUST_PI) != (h.pending & ~ROBUST_PI))
			bequeath(entry, h.offset);
		if (!more)
			return;
	}
	/* <linux/futex.h>, list_op_pending: the thread may own this lock while the list does not have it. */
	if (h.pending)
		bequeath(h.pending, h.offset);
}

void owner_exit(void)
{
	u32 word;
	walk_robust_list(SELF->robust);
	SELF->robust = 0;
	/* Locks that are in no list but that others wait for: without an owner these would wait for
	 * ever. */
	for (u32 i = 0; i < S->nthreads; i++) {
		struct thread *t = S->threads[i];
		if (t->state == T_FUTEX && !t->futex_bits && !from_user(&word, t->futex, 4) && is(SELF, word & FUTEX_TID_MASK))
			hand_over(t->futex, FUTEX_OWNER_DIED);
	}
}

/* get_robust_list(2): the C library tells once for each thread. */
i64 sys_set_robust_list(u64 head, u64 size)
{
	/* set_robust_list(2): EINVAL for any other size. */
	if (size != sizeof(struct robust_list_head))
		return -EINVAL;
	SELF->robust = head;
	return 0;
}

i64 sys_get_robust_list(u64 tid, u64 head, u64 size)
{
	/* get_robust_list(2): 0 means the calling thread. */
	struct thread *t = tid ? owner_of(tid) : SELF;
	u64 n = sizeof(struct robust_list_head);
	if (!t)
		return -ESRCH;
	return to_user(size, &n, 8) || to_user(head, &t->robust, 8) ? -EFAULT : 0;
}
