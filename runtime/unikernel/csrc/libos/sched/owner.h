/* owner.h: futexes that hold their owner's thread id, for futex.c and owner.c. */
#ifndef OWNER_H
#define OWNER_H

#include "core/state.h"

#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

i64 owner_lock(u64 addr, u64 deadline, int try); /* deadline: in now_mono(), 0 for none */
i64 owner_unlock(u64 addr);
#endif
