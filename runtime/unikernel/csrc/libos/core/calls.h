/* calls.h: from a call number to its answer. */
#ifndef CALLS_H
#define CALLS_H
#include "core/libos.h"

u64 dispatch(u64 n, u64 *regs); /* the result, BLOCKED, REPLACED or PARKED */
#endif
