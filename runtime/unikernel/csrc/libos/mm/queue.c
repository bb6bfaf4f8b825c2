/*
 * queue.c: rings of bytes that grow by doubling up to max, and shrink to nothing when they are
 * empty and large.
 *
 * A queue costs nothing before its first byte. Its capacity is a power of two, so that positions
 * wrap by a mask.
 */
#include "mm/heap.h"
#include "mm/queue.h"

/* The bytes move to the front of the new ring: in two pieces if they wrapped. */
int queue_reserve(struct queue *q, u64 n)
{
	u64 need = q->len + n;
	/* Bytes: a small message and its head. */
	u32 cap = q->cap ? q->cap : 512;
	while (cap < need)
		cap *= 2;
	/* It has room already. */
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

/* The length grows last: a fault half-way leaves bytes behind the end, which nobody reads. */
i64 queue_put_user(struct queue *q, u64 src, u64 n)
{
	n = MIN(n, q->max - q->len);
	if (!n)
		return 0;
	if (queue_reserve(q, n))
		return -ENOMEM;
	/* Where the next byte goes, and how many fit before the ring wraps. */
	u32 tail = (q->head + q->len) & (q->cap - 1), first = MIN(n, q->cap - tail);
	if (from_user(q->p + tail, src, first) || from_user(q->p, src + first, n - first))
		return -EFAULT;
	q->len += n;
	return n;
}

/* Memory of the libOS may be copied like a guest's: it does not fault. */
i64 queue_put(struct queue *q, const void *p, u64 n) { return queue_put_user(q, (u64)p, n); }

/* peek: the bytes stay. A fault half-way leaves the queue as it was, though the guest may have some
 * of the bytes. */
i64 queue_get_user(struct queue *q, u64 dst, u64 n, int peek)
{
	n = MIN(n, q->len);
	u32 first = MIN(n, q->cap - q->head);
	if (to_user(dst, q->p + q->head, first) || to_user(dst + first, q->p, n - first))
		return -EFAULT;
	if (!peek)
		queue_drop(q, n);
	return n;
}

void queue_drop(struct queue *q, u64 n)
{
	q->len -= n;
	/* An empty queue starts at the front again: its next bytes lie in one piece. */
	q->head = q->len ? (q->head + n) & (q->cap - 1) : 0;
	/* A large body has passed; an idle UC must not pay for its memory. */
	if (!q->len && q->cap > 65536) {
		kfree(q->p, q->cap);
		q->p = NULL, q->cap = 0;
	}
}

void queue_free(struct queue *q)
{
	kfree(q->p, q->cap);
	memset(q, 0, sizeof *q);
}
