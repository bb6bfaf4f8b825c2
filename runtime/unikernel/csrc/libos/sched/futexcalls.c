/*
 * futexcalls.c: futex(2).
 */
#include "base/state.h"
#include "host/clock.h"
#include "sched/futex.h"

/* futex(2), Timeouts: FUTEX_WAIT alone takes a length of time. All other waits take a moment, on the
 * real-time clock where FUTEX_CLOCK_REALTIME or the operation says so. */
enum clock { RELATIVE, MONOTONIC, REALTIME };

/* When a wait ends, in now_mono(); 0 without a time-out. A moment that has passed still lets the
 * others run once. */
static i64 deadline_of(u64 timeout, enum clock clock, u64 *deadline)
{
	u64 ns;
	*deadline = 0;
	if (!timeout)
		return 0;
	i64 r = user_time(timeout, &ns);
	if (r)
		return r;
	u64 now = now_mono(), from = clock == RELATIVE ? 0 : clock == REALTIME ? now_real() : now;
	/* A real-time moment becomes a monotonic one here: setting the real-time clock does not move the deadline. */
	*deadline = ns > from ? now + (ns - from) : now;
	return 0;
}

/* No other thread runs between the comparison and the wait, so a wake cannot be lost. */
static i64 wait(u64 addr, u32 val, u64 timeout, u32 bits, enum clock clock)
{
	u32 have;
	u64 deadline;
	/* futex(2), FUTEX_WAIT_BITSET: 0 is an error. In futex.c bits of 0 mark a thread that waits to own the word. */
	if (!bits)
		return -EINVAL;
	i64 r = deadline_of(timeout, clock, &deadline);
	if (r)
		return r;
	if (from_user(&have, addr, 4))
		return -EFAULT;
	/* EAGAIN tells the caller that the word has changed since the caller read the word: futex(2). */
	return have == val ? futex_park(addr, bits, deadline) : -EAGAIN;
}

/* futex(2): the time-out is an absolute moment. */
static i64 lock_pi(u64 addr, u64 timeout, enum clock clock)
{
	u64 deadline;
	i64 r = deadline_of(timeout, clock, &deadline);
	return r ? r : owner_lock(addr, deadline, 0);
}

/* Threads that are moved wake with those of the other address: a condition variable's waiters queue
 * up at its mutex. */
static i64 requeue(u64 from, int wake, int move, u64 to)
{
	int n = futex_wake(from, wake, ~0u);
	for (u32 i = 0; i < S->nthreads && move > 0; i++) {
		struct thread *t = S->threads[i];
		/* A thread without bits waits to own the word (owner.c), and stays there. */
		if (t->state == T_FUTEX && t->futex == from && t->futex_bits && !futex_requeues(t)) {
			t->futex = to;
			move--;
			n++;
		}
	}
	/* futex(2), Return value: the result of FUTEX_CMP_REQUEUE counts the moved waiters too. */
	return n;
}

/* FUTEX_WAIT_REQUEUE_PI: the wait of a condition variable whose mutex is a PI futex, at to. glibc before
 * 2.25 asks for it. The caller wakes as the owner of the mutex. */
static i64 wait_requeue_pi(u64 addr, u32 val, u64 timeout, u64 to, enum clock clock)
{
	/* futex(2), EINVAL: the two words differ, and both are aligned. */
	return addr == to || to & 3 || !to ? -EINVAL : wait(addr, val, timeout, ~0u, clock);
}

/* FUTEX_CMP_REQUEUE_PI: 1 + move waiters of FUTEX_WAIT_REQUEUE_PI own the other word or wait for it. */
static i64 requeue_pi(u64 from, int wake, int move, u64 to, u32 val)
{
	u32 have;
	int n = 0;
	/* futex(2), FUTEX_CMP_REQUEUE_PI: at most one waiter wakes, since one alone can own the word. */
	if (from == to || to & 3 || wake != 1 || move < 0)
		return -EINVAL;
	if (from_user(&have, from, 4))
		return -EFAULT;
	if (have != val)
		return -EAGAIN;
	for (u32 i = 0; i < S->nthreads && n <= move; i++) {
		struct thread *t = S->threads[i];
		if (t->state != T_FUTEX || t->futex != from || !t->futex_bits)
			continue;
		/* futex(2), EINVAL: the waiter waits by another operation, or for another word. */
		i64 r = futex_requeues(t) == to ? owner_queue(t, to) : -EINVAL;
		if (r)
			return n ? n : r;
		n++;
	}
	return n;
}

/* FUTEX_WAKE_OP packs into op, from the top: operation (4 bits), comparison (4), the operation's
 * argument (12), the comparison's (12); both arguments have a sign. futex(2), FUTEX_WAKE_OP: the new
 * value of the second word. */
static i64 operate(u32 op, u32 old, u32 *now)
{
	i32 arg = (i32)(op << 8) >> 20;
	/* The argument is the number of a bit. The kernel keeps the low five bits of a larger number. */
	if (op >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	switch (op >> 28 & 7) {
	case FUTEX_OP_SET: *now = arg; return 0;
	case FUTEX_OP_ADD: *now = old + arg; return 0;
	case FUTEX_OP_OR: *now = old | arg; return 0;
	case FUTEX_OP_ANDN: *now = old & ~arg; return 0;
	case FUTEX_OP_XOR: *now = old ^ arg; return 0;
	default: return -ENOSYS;
	}
}

/* … and whether the old one lets waiters at it wake. */
static int compares(u32 op, u32 old)
{
	i32 cmp = (i32)(op << 20) >> 20;
	switch (op >> 24 & 15) {
	case FUTEX_OP_CMP_EQ: return (i32)old == cmp;
	case FUTEX_OP_CMP_NE: return (i32)old != cmp;
	/* The kernel's futex_atomic_op_inuser orders the words as signed numbers. */
	case FUTEX_OP_CMP_LT: return (i32)old < cmp;
	case FUTEX_OP_CMP_LE: return (i32)old <= cmp;
	case FUTEX_OP_CMP_GT: return (i32)old > cmp;
	case FUTEX_OP_CMP_GE: return (i32)old >= cmp;
	default: return 0;
	}
}

/* The C library's pthread_cond_signal did this once; some libraries still do. */
static i64 wake_op(u64 a, int n1, int n2, u64 b, u32 op)
{
	u32 old, now;
	if (from_user(&old, b, 4))
		return -EFAULT;
	i64 r = operate(op, old, &now);
	if (r)
		return r;
	if (to_user(b, &now, 4))
		return -EFAULT;
	/* futex(2), FUTEX_WAKE_OP: the comparison decides about the second word's waiters alone. */
	int n = futex_wake(a, n1, ~0u);
	return n + (compares(op, old) ? futex_wake(b, n2, ~0u) : 0);
}

/* Flags for private futexes say nothing here: there is one address space. */
i64 sys_futex(u64 addr, u64 op, u64 val, u64 timeout, u64 addr2, u64 val3)
{
	u32 have;
	enum clock absolute = op & FUTEX_CLOCK_REALTIME ? REALTIME : MONOTONIC;
	/* futex(2): a word is aligned. */
	if (addr & 3)
		return -EINVAL;
	switch (futex_command(op)) {
	case FUTEX_WAIT: return wait(addr, val, timeout, ~0u, RELATIVE);
	case FUTEX_WAIT_BITSET: return wait(addr, val, timeout, val3, absolute);
	case FUTEX_WAKE: return futex_wake(addr, (int)val, ~0u);
	case FUTEX_WAKE_BITSET: return val3 ? futex_wake(addr, (int)val, val3) : -EINVAL;
	case FUTEX_CMP_REQUEUE:
		if (from_user(&have, addr, 4))
			return -EFAULT;
		if (have != (u32)val3)
			return -EAGAIN;
		/* fall through */
	case FUTEX_REQUEUE:
		/* the time-out's place holds how many to move */
		return requeue(addr, (int)val, (int)timeout, addr2);
	case FUTEX_WAKE_OP: return wake_op(addr, (int)val, (int)timeout, addr2, val3);
	case FUTEX_WAIT_REQUEUE_PI: return wait_requeue_pi(addr, val, timeout, addr2, absolute);
	case FUTEX_CMP_REQUEUE_PI: return requeue_pi(addr, (int)val, (int)timeout, addr2, val3);
	case FUTEX_LOCK_PI: return lock_pi(addr, timeout, REALTIME); /* futex(2): always this clock */
	case FUTEX_LOCK_PI2: return lock_pi(addr, timeout, absolute);
	case FUTEX_TRYLOCK_PI: return owner_lock(addr, 0, 1);
	case FUTEX_UNLOCK_PI: return owner_unlock(addr);
	default: return -ENOSYS;
	}
}
