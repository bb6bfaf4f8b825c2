/*
 * queue.c: rings of bytes that grow by doubling up to max and shrink to nothing when empty and large.
 */
#include "mm/heap.h"
#include "mm/queue.h"

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
