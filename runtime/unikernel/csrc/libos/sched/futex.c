/* futex.c: wait and wake by address. One address space, so private and shared futexes are the same thing. */
#include "sched/owner.h"

enum { WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, WAKE_OP = 5, LOCK_PI = 6, UNLOCK_PI = 7, TRYLOCK_PI = 8,
       WAIT_BITSET = 9, WAKE_BITSET = 10, LOCK_PI2 = 13 };
#define CLOCK_REALTIME_FLAG 256

int futex_wake(u64 addr, int n, u32 bits)
{
	int woken = 0;
	/* From the thread after the caller, so that waiters take turns. */
	for (u32 k = 1; k <= S->nthreads && woken < n; k++) {
		struct thread *t = S->threads[(S->cur + k) % S->nthreads];
		if (t->state == T_FUTEX && t->futex == addr && t->futex_bits & bits) {
			t->state = T_RUN;
			t->regs[RAX] = 0;
			t->deadline = 0;
			woken++;
		}
	}
	return woken;
}

enum clock { RELATIVE, MONOTONIC, REALTIME };

/* When a wait ends, in now_mono(); 0 without a time-out. One that is over is over when it has been waited for. */
static i64 deadline_of(u64 timeout, enum clock clock, u64 *deadline)
{
	i64 ts[2];
	*deadline = 0;
	if (!timeout)
		return 0;
	if (from_user(ts, timeout, 16))
		return -EFAULT;
	if (ts[0] < 0 || ts[1] < 0 || ts[1] >= 1000000000)
		return -EINVAL;
	u64 ns = ts[0] > 4000000000ll ? 4000000000000000000ull : (u64)ts[0] * 1000000000 + ts[1];
	u64 now = now_mono(), from = clock == RELATIVE ? 0 : clock == REALTIME ? now_real() : now;
	*deadline = ns > from ? now + (ns - from) : now;
	return 0;
}

static i64 wait(u64 addr, u32 val, u64 timeout, u32 bits, enum clock clock)
{
	u32 have;
	u64 deadline;
	if (!bits)
		return -EINVAL;
	i64 r = deadline_of(timeout, clock, &deadline);
	if (r)
		return r;
	if (from_user(&have, addr, 4))
		return -EFAULT;
	if (have != val)
		return -EAGAIN;
	struct thread *t = SELF;
	t->deadline = deadline;
	t->futex = addr;
	t->futex_bits = bits;
	park(T_FUTEX);
	schedule();
	return REPLACED;
}

static i64 lock_pi(u64 addr, u64 timeout, enum clock clock)
{
	u64 deadline;
	i64 r = deadline_of(timeout, clock, &deadline);
	return r ? r : owner_lock(addr, deadline, 0);
}

static i64 requeue(u64 from, int wake, int move, u64 to)
{
	int n = futex_wake(from, wake, ~0u);
	for (u32 i = 0; i < S->nthreads && move > 0; i++) {
		struct thread *t = S->threads[i];
		if (t->state == T_FUTEX && t->futex == from && t->futex_bits) {
			t->futex = to;
			move--;
			n++;
		}
	}
	return n;
}

static i64 wake_op(u64 a, int n1, int n2, u64 b, u32 op)
{
	u32 old, arg = op >> 12 & 0xfff, cmp = op & 0xfff, neu;
	if (op >> 28 & 8)
		arg = 1u << (arg & 31);
	if (from_user(&old, b, 4))
		return -EFAULT;
	switch (op >> 28 & 7) {
	case 0: neu = arg; break;
	case 1: neu = old + arg; break;
	case 2: neu = old | arg; break;
	case 3: neu = old & ~arg; break;
	case 4: neu = old ^ arg; break;
	default: return -ENOSYS;
	}
	if (to_user(b, &neu, 4))
		return -EFAULT;
	int hit = 0;
	switch (op >> 24 & 15) {
	case 0: hit = old == cmp; break;
	case 1: hit = old != cmp; break;
	case 2: hit = (i32)old < (i32)cmp; break;
	case 3: hit = (i32)old <= (i32)cmp; break;
	case 4: hit = (i32)old > (i32)cmp; break;
	case 5: hit = (i32)old >= (i32)cmp; break;
	}
	int n = futex_wake(a, n1, ~0u);
	return n + (hit ? futex_wake(b, n2, ~0u) : 0);
}

i64 sys_futex(u64 addr, u64 op, u64 val, u64 timeout, u64 addr2, u64 val3)
{
	u32 have;
	enum clock absolute = op & CLOCK_REALTIME_FLAG ? REALTIME : MONOTONIC;
	if (addr & 3)
		return -EINVAL;
	switch (op & 127) {
	case WAIT: return wait(addr, val, timeout, ~0u, RELATIVE);
	case WAIT_BITSET: return wait(addr, val, timeout, val3, absolute);
	case WAKE: return futex_wake(addr, (int)val, ~0u);
	case WAKE_BITSET: return val3 ? futex_wake(addr, (int)val, val3) : -EINVAL;
	case CMP_REQUEUE:
		if (from_user(&have, addr, 4))
			return -EFAULT;
		if (have != (u32)val3)
			return -EAGAIN;
		/* fall through */
	case REQUEUE: return requeue(addr, (int)val, (int)timeout, addr2);
	case WAKE_OP: return wake_op(addr, (int)val, (int)timeout, addr2, val3);
	case LOCK_PI: return lock_pi(addr, timeout, REALTIME);
	case LOCK_PI2: return lock_pi(addr, timeout, absolute);
	case TRYLOCK_PI: return owner_lock(addr, 0, 1);
	case UNLOCK_PI: return owner_unlock(addr);
	default: return -ENOSYS; /* conditions of PI mutexes: no C library asks for them any more */
	}
}
