/*
 * heap.c: the libOS's own objects, in the region.
 *
 * Sizes are powers of two from 32 bytes to 2 KB, cut from slabs of 64 KB; larger objects are whole
 * pages. There is no header: whoever frees says the size, which every owner knows. Slabs are never
 * given back. All of it is charged to the guest's memory limit, since the guest made it necessary.
 */
#include "base/state.h"
#include "mm/heap.h"
#include "mm/region.h"

/* Bytes of a slab; and the smallest object. */
#define SLAB 65536ull

/* The bin of the smallest size that holds n bytes. */
static int bin_of(u64 n)
{
	int b = 0;
	while ((32ull << b) < n)
		b++;
	return b;
}

/* An object is zeroed here, when it is taken: one that is free keeps what it had, and no snapshot
 * needs to hide that from its own guest. */
void *kalloc(u64 n)
{
	if (n > KALLOC_SMALL)
		/* Pages come zeroed. */
		return (void *)region_alloc(n, V_LIBOS);
	int b = bin_of(n);
	u64 size = 32ull << b;
	void *p = S->bins[b];
	if (p) {
		/* A free object's first word leads to the next one of its size. */
		S->bins[b] = *(void **)p;
		return memset(p, 0, size);
	}
	/* A new slab: charged, and zeroed by the host. */
	if (S->slab + size > S->slab_end) {
		/* What is left of the old slab is lost: less than 2 KB in 64. */
		u64 s = region_alloc(SLAB, V_LIBOS);
		if (!s)
			return NULL;
		S->slab = s, S->slab_end = s + SLAB;
	}
	p = (void *)S->slab;
	S->slab += size;
	return p;
}

/* Whole pages go back to the host at once; smaller objects wait in their bin. */
void kfree(void *p, u64 n)
{
	if (!p)
		return;
	if (n > KALLOC_SMALL) {
		region_free((u64)p, n);
		return;
	}
	int b = bin_of(n);
	*(void **)p = S->bins[b];
	S->bins[b] = p;
}
