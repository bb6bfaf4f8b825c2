/*
 * heap.h: objects of the libOS: zeroed; NULL when memory is at its limit.
 *
 * Whoever allocates must bear NULL, and answers its call with -ENOMEM, -ENOBUFS or -ENOSPC, as the
 * call's manual page has it.
 */
#ifndef HEAP_H
#define HEAP_H
#include "base/libos.h"

#define KALLOC_SMALL 2048 /* larger objects are whole pages */
void *kalloc(u64 n);
void kfree(void *p, u64 n); /* n: as it was allocated with; p may be NULL */
#endif
