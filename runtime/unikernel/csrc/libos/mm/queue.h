/* queue.h: growable queues of bytes: pipes, sockets, the channel. */
#ifndef QUEUE_H
#define QUEUE_H
#include "base/libos.h"

/* A ring of cap bytes, a power of two; max bounds len, not cap. All zeros: an empty queue that
 * takes nothing. */
struct queue {
	u8 *p;
	u32 cap, head, len, max;
};

i64 queue_put(struct queue *, const void *, u64); /* bytes taken, at most what fits under max; -ENOMEM */
i64 queue_put_user(struct queue *, u64 src, u64 n); /* likewise, or -EFAULT: nothing was taken */
i64 queue_get_user(struct queue *, u64 dst, u64 n, int peek); /* bytes, or -EFAULT: nothing is gone */
int queue_reserve(struct queue *, u64 n); /* the next n bytes find memory: 0 or -ENOMEM */
void queue_drop(struct queue *, u64 n); /* the first n bytes, which there must be */
void queue_free(struct queue *); /* the bytes are lost; max too */
#endif
