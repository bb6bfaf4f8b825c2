/* heap.c: the libOS's own objects, in the region: powers of two from 32 bytes to 2 KB cut from 64 KB slabs, else whole pages. */
#include "core/state.h"

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
	if (n > 2048)
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
	if (n > 2048) {
		region_free((u64)p, n);
		return;
	}
	int b = bin_of(n);
	*(void **)p = S->bins[b];
	S->bins[b] = p;
}

/* ---- Queues: rings that grow by doubling up to max and shrink to nothing when empty and large ---- */

static int queue_grow(struct queue *q, u64 need)
{
	u32 cap = q->cap ? q->cap : 512;
	while (cap < need)
		cap *= 2;
	if (cap == q->cap)
		return 0;
	u8 *p = kalloc(cap);
	if (!p)
		return -ENOMEM;
	u32 first = MIN(q->len, q->cap - q->head);
	memcpy(p, q->p + q->head, first);
	memcpy(p + first, q->p, q->len - first);
	kfree(q->p, q->cap);
	q->p = p, q->cap = cap, q->head = 0;
	return 0;
}

i64 queue_put_user(struct queue *q, u64 src, u64 n)
{
	n = MIN(n, q->max - q->len);
	if (!n)
		return 0;
	if (queue_grow(q, q->len + n))
		return -ENOMEM;
	u32 tail = (q->head + q->len) & (q->cap - 1), first = MIN(n, q->cap - tail);
	if (from_user(q->p + tail, src, first) || from_user(q->p, src + first, n - first))
		return -EFAULT;
	q->len += n;
	return n;
}

i64 queue_put(struct queue *q, const void *p, u64 n) { return queue_put_user(q, (u64)p, n); }

i64 queue_get_user(struct queue *q, u64 dst, u64 n, int peek)
{
	n = MIN(n, q->len);
	u32 first = MIN(n, q->cap - q->head);
	if (to_user(dst, q->p + q->head, first) || to_user(dst + first, q->p, n - first))
		return -EFAULT;
	if (peek)
		return n;
	q->len -= n;
	q->head = q->len ? (q->head + n) & (q->cap - 1) : 0;
	if (!q->len && q->cap > 65536) {
		kfree(q->p, q->cap);
		q->p = NULL, q->cap = 0;
	}
	return n;
}

void queue_free(struct queue *q)
{
	kfree(q->p, q->cap);
	memset(q, 0, sizeof *q);
}
