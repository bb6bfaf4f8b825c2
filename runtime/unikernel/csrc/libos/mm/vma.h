/*
 * vma.h: the book of mappings.
 *
 * Every function here changes or reads the book alone; region.c and memory.c decide what a call
 * means. An error is -ENOMEM: the array is full, or the limit forbids it.
 */
#ifndef VMA_H
#define VMA_H
#include "base/libos.h"

#define MAX_VMAS 65000 /* of the same order as Linux's vm.max_map_count, 65530 */
#define PROT_RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
/* Which purpose a mapping has: anonymous memory; a private copy of a file; a thread's stack; the
 * heap of brk; memory of the libOS itself, which no call of the guest removes. */
enum { V_ANON, V_FILE, V_STACK, V_HEAP, V_LIBOS };
#define VF_TOUCHED 1 /* was accessible at some time: pages may have content that must be discarded */

/* fs, inode and pgoff say which file a V_FILE mapping is a copy of, for /proc/self/maps and crash
 * reports. */
struct vma {
	u64 start, end;
	u8 prot, kind, fs, flags;
	u32 inode, pgoff, pad;
};

u32 vma_index(u64 addr); /* of the first mapping that ends above addr */
struct vma *vma_find(u64 addr); /* NULL: nothing is mapped there */
int vma_insert(const struct vma *v); /* the range must be free */
int vma_remove(u64 start, u64 end, int libos); /* libos: the libOS's own mappings too */
int vma_protect(u64 start, u64 end, int prot);
int vma_room(const struct vma *v, u64 already); /* would the limits bear it, already bytes of it being charged */
u64 vma_gap(u64 len); /* 0: none */
#endif
