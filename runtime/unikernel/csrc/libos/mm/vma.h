/* vma.h: the book of mappings, shared by vma.c and memory.c. */
#ifndef VMA_H
#define VMA_H

#include "core/state.h"

#define VF_TOUCHED 1 /* was accessible at some time: pages may have content that must be discarded */

u32 vma_index(u64 addr);
int vma_insert(const struct vma *v);
int vma_remove(u64 start, u64 end, int libos);
int vma_protect(u64 start, u64 end, int prot);
int vma_room(const struct vma *v, u64 already); /* would the limits bear it, already bytes of it being charged */
u64 vma_gap(u64 len);
#endif
