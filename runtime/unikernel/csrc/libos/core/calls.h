/*
 * calls.h: from a call number to its answer. The caller has set S->frame and S->cur: a call acts
 * for the running thread.
 */
#ifndef CALLS_H
#define CALLS_H
#include "base/libos.h"

u64 dispatch(u64 n, u64 *regs); /* the result, BLOCKED, REPLACED or PARKED */
#endif
