/*
 * event.c: eventfd(2): a counter that threads wait for.
 *
 * Event loops wake each other by it, V8's and libuv's among them: so a write changes S->changes,
 * and the thread that polls the counter is tried again. The descriptor is always open for reading
 * and writing.
 */
#include "base/state.h"
#include "mm/heap.h"

/* semaphore: a read takes 1 instead of all (EFD_SEMAPHORE). */
struct event {
	u64 count;
	u32 semaphore, seq;
};

/* A read waits for a count other than 0. */
static i64 event_read(struct file *f, u64 buf, u64 n, i64 off)
{
	struct event *e = f->obj;
	(void)off;
	if (n < 8)
		return -EINVAL;
	if (!e->count)
		return -EAGAIN;
	u64 v = e->semaphore ? 1 : e->count;
	if (to_user(buf, &v, 8))
		return -EFAULT;
	e->count -= v;
	changed();
	return 8;
}

/* The largest count is 2^64 - 2: a write that would pass it waits. */
static i64 event_write(struct file *f, u64 buf, u64 n, i64 off)
{
	struct event *e = f->obj;
	u64 v;
	(void)off;
	/* eventfd(2) since Linux 6.6; one that is written over and over as long as a buffer goes takes
	 * seconds */
	if (n != 8)
		return -EINVAL;
	if (from_user(&v, buf, 8))
		return -EFAULT;
	/* eventfd(2): 2^64 - 1 cannot be added. */
	if (v == ~0ull)
		return -EINVAL;
	if (e->count + v < v || e->count + v == ~0ull)
		return -EAGAIN;
	e->count += v;
	e->seq++; /* each write is an edge, whatever the count was */
	changed();
	return 8;
}

/* Writable: a count of 1 more still fits. */
static u32 event_poll(struct file *f)
{
	struct event *e = f->obj;
	return (e->count ? POLLIN : 0) | (e->count < ~1ull ? POLLOUT : 0);
}

/* A read is no edge: only a write brings news. */
static u32 event_edge(struct file *f) { return ((struct event *)f->obj)->seq; }

static void event_close(struct file *f) { kfree(f->obj, sizeof(struct event)); }

static const struct file_ops event_ops = { .name = "anon_inode:[eventfd]",
	.mode = 0600,
	.read = event_read,
	.write = event_write,
	.poll = event_poll,
	.edge = event_edge,
	.close = event_close };

/* The first count has 32 bits: eventfd(2). */
i64 sys_eventfd2(u64 count, u64 flags)
{
	struct event *e = kalloc(sizeof *e);
	if (!e)
		return -ENOMEM;
	/* EFD_NONBLOCK and EFD_CLOEXEC have the values of O_NONBLOCK and O_CLOEXEC: eventfd(2). */
	e->count = (u32)count;
	e->semaphore = flags & EFD_SEMAPHORE;
	return fd_new(&event_ops, O_RDWR | (flags & O_NONBLOCK), e, !!(flags & O_CLOEXEC));
}

/* eventfd(2) without flags. */
i64 sys_eventfd(u64 count) { return sys_eventfd2(count, 0); }
