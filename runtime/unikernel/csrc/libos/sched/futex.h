/* futex.h: threads that wait at an address (futex(2)). */
#ifndef FUTEX_H
#define FUTEX_H
#include "base/libos.h"

struct thread;

/* An operation without its flags. futex(2): op is an int, so the upper half of the register says nothing. */
static inline u32 futex_command(u64 op) { return (u32)op & FUTEX_CMD_MASK; }

/* futex.c */
int futex_wake(u64 addr, int n, u32 bits); /* how many of n were woken */
struct thread *futex_next_owner(u64 addr); /* a thread that waits to own addr; NULL: none */
void futex_woken(struct thread *t); /* t waits no more; its call returns 0 */
u64 futex_requeues(
	const struct thread *t); /* the word that t, waiting at another, is to own (FUTEX_WAIT_REQUEUE_PI); 0: none */
i64 futex_park(u64 addr, u32 bits, u64 deadline); /* PARKED: the running thread waits at addr; deadline 0: for ever */

/* owner.c */
i64 owner_lock(u64 addr, u64 deadline, int try); /* deadline: in now_mono(), 0 for none */
i64 owner_queue(struct thread *t, u64 addr); /* t, which waits elsewhere, owns addr or waits for it; 0 or -errno */
i64 owner_unlock(u64 addr); /* -EPERM: somebody else owns it */
void owner_exit(void); /* the running thread ends: others get what it held */
#endif
