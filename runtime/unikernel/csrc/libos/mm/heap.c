/* heap.c: the libOS's own objects, in the region: powers of two from 32 bytes to 2 KB cut from 64 KB slabs, else whole pages. */
#include "core/state.h"
#include "mm/heap.h"
#include "mm/region.h"

#define SLAB 65536ull

static int bin_of(u64 n)
{
	int b = 0;
	while ((32ull << b) < n)
		b++;
	return b;
}

void *kalloc(u64 n)
{
	if (n > KALLOC_SMALL)
		return (void *)region_alloc(n, V_LIBOS);
	int b = bin_of(n);
	u64 size = 32ull << b;
	void *p = S->bins[b];
	if (p) {
		S->bins[b] = *(void **)p;
		return memset(p, 0, size);
	}
	if (S->slab + size > S->slab_end) {
		u64 s = region_alloc(SLAB, V_LIBOS);
		if (!s)
			return NULL;
		S->slab = s, S->slab_end = s + SLAB;
	}
	p = (void *)S->slab;
	S->slab += size;
	return p;
}

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
