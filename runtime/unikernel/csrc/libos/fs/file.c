/*
 * file.c: open files: slots, references, and what a file without an operation answers.
 *
 * A struct file is Linux's open file description: position and flags, shared by all descriptors
 * that were made from one open. Slots are never moved, so a pointer to one is good until its last
 * reference goes. The serial tells two openings apart that had the same slot.
 *
 * The access mode is checked here, once for all kinds. Whether an operation has to wait is its own
 * to say, by -EAGAIN; whether the caller does wait is decided above, by O_NONBLOCK.
 */
#include "base/state.h"

i64 file_new(const struct file_ops *ops, u32 flags, void *obj)
{
	/* Slot 0 stays free: no descriptor's number 0 must look like a file. */
	for (u32 i = 1; i < MAX_FILES; i++) {
		struct file *f = &S->files[i];
		if (f->refs)
			continue;
		memset(f, 0, sizeof *f);
		f->ops = ops, f->flags = flags, f->obj = obj, f->refs = 1;
		/* 32 bits: a wrap takes four thousand million openings within the life of one epoll item. */
		f->serial = ++S->next_serial;
		return i;
	}
	return -ENFILE;
}

void file_put(u32 i)
{
	struct file *f = &S->files[i];
	if (--f->refs)
		return;
	if (f->ops->close)
		f->ops->close(f);
	changed(); /* whoever waits for this file is to find that it is gone */
}

/* O_PATH opens a name and no content: open(2). */
i64 file_read(struct file *f, u64 buf, u64 n, i64 off)
{
	if ((f->flags & O_ACCMODE) == O_WRONLY || f->flags & O_PATH)
		return -EBADF;
	return f->ops->read ? f->ops->read(f, buf, n, off) : -EINVAL;
}

i64 file_write(struct file *f, u64 buf, u64 n, i64 off)
{
	if (!(f->flags & O_ACCMODE))
		return -EBADF;
	return f->ops->write ? f->ops->write(f, buf, n, off) : -EINVAL;
}

/* Files without a poll of their own never make a reader wait. */
u32 file_poll(struct file *f) { return f->ops->poll ? f->ops->poll(f) : POLLIN | POLLOUT; }

/* A time-out ends the call as O_NONBLOCK does: socket(7), SO_RCVTIMEO. */
i64 file_wait(struct file *f, int write)
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	i64 r = block(f->ops->patience ? f->ops->patience(f, write) : FOREVER);
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* A file without a count of its own may have moved whenever anything did: an edge too many is
 * harmless, one too few is not. */
u32 file_edge(struct file *f) { return f->ops->edge ? f->ops->edge(f) : (u32)S->changes; }
