/*
 * sendfile.c: bytes of a file to whatever can be written to (sendfile(2), copy_file_range(2)).
 *
 * The bytes of a file lie in the libOS's memory, so they go to a pipe or a socket without a buffer
 * in between.
 */
#include "base/state.h"

/* Linux's MAX_RW_COUNT, in bytes. */
#define AT_A_TIME 0x7ffff000ull

/* Some bytes from off on. Between files they go by the stack: a file that grows moves its bytes, and
 * may be its own target. */
static i64 piece(struct file *out, struct file *in, u64 off, u64 n)
{
	u8 between[16384];
	const u8 *p;
	u64 size = 0;
	vnode_bytes((struct vnode){ in->fs, in->node }, &p, &size);
	if (off >= size)
		return 0;
	n = MIN(n, size - off);
	if (out->ops != &regular_ops)
		return file_write(out, (u64)p + off, n, -1); /* -1: at the target's own position */
	/* The target may move its bytes, which are the source's, while they are copied. */
	n = MIN(n, sizeof between);
	memcpy(between, p + off, n);
	return file_write(out, (u64)between, n, -1);
}

/* What the two calls refuse before they move a byte. */
static i64 check(struct file *out, struct file *in, int at_offset)
{
	/* open(2), O_PATH: such a descriptor names a file and moves no bytes. */
	if (!out || !in || (in->flags & O_ACCMODE) == O_WRONLY || !(out->flags & O_ACCMODE) ||
		(in->flags | out->flags) & O_PATH)
		return -EBADF;
	if (in->ops != &regular_ops) /* nor a text of /proc, as on Linux */
		return at_offset && !in->ops->size ? -ESPIPE : -EINVAL;
	/* sendfile(2): not to a file opened for appending; an eventfd takes numbers, and is no target. */
	if (out->flags & O_APPEND || !(out->ops->splice & SPLICE_TO))
		return -EINVAL;
	return 0;
}

/* copy_file_range(2): within the guest's files; a position is given, or the file's own. Ranges of
 * one file may not overlap: what is copied would be copied again. */
i64 sys_copy_file_range(u64 in_fd, u64 in_at, u64 out_fd, u64 out_at, u64 count, u64 flags)
{
	struct file *out = fd_file(out_fd), *in = fd_file(in_fd);
	u8 between[16384];
	u64 from, to, done = 0;
	if (flags)
		return -EINVAL;
	i64 r = check(out, in, 0);
	if (r)
		return r;
	if (out->ops != &regular_ops)
		return out->ops == &directory_ops ? -EISDIR : -EINVAL;
	from = in->pos, to = out->pos;
	if ((in_at && from_user(&from, in_at, 8)) || (out_at && from_user(&to, out_at, 8)))
		return -EFAULT;
	/* lseek(2): positions are signed. */
	if ((i64)from < 0 || (i64)to < 0)
		return -EINVAL;
	if (in->fs == out->fs && in->node == out->node && from < to + count && to < from + count)
		return -EINVAL; /* they overlap */
	for (count = MIN(count, AT_A_TIME); done < count; done += r) {
		/* Positions are given, so the files' own do not move. */
		r = file_read(in, (u64)between, MIN(count - done, sizeof between), from + done);
		if (r > 0)
			r = file_write(out, (u64)between, r, to + done);
		if (r <= 0)
			break;
	}
	if (r < 0 && !done)
		return r;
	from += done, to += done;
	if (!in_at)
		in->pos = from;
	if (!out_at)
		out->pos = to;
	return (in_at && to_user(in_at, &from, 8)) || (out_at && to_user(out_at, &to, 8)) ? -EFAULT : (i64)done;
}

/* sendfile(2). What was sent is booked at once, in the file's position or at offset; so a call that
 * blocked goes on from there. A pipe takes what it has room for, even from a call that may block. */
i64 sys_sendfile(u64 out_fd, u64 in_fd, u64 offset, u64 count)
{
	struct file *out = fd_file(out_fd), *in = fd_file(in_fd);
	u64 done = SELF->retrying ? SELF->progress : 0, pos;
	if (offset && from_user(&pos, offset, 8))
		return -EFAULT;
	i64 r = check(out, in, !!offset);
	if (r)
		return r;
	/* sendfile(2), EINVAL: a position is signed. */
	if (offset && (i64)pos < 0)
		return -EINVAL;
	if (!offset)
		pos = in->pos;
	for (count = MIN(count, AT_A_TIME); done < count; done += r) {
		r = piece(out, in, pos, count - done);
		if (r <= 0)
			break;
		pos += r;
		if (!offset)
			in->pos = pos;
		else if (to_user(offset, &pos, 8))
			return -EFAULT;
		/* A reader is to have the bytes before more come. */
		if (out->ops == &pipe_write_ops)
			return r;
	}
	if (r == -EAGAIN) {
		SELF->progress = done;
		r = file_wait(out, 1);
		if (r == BLOCKED)
			return r;
	}
	return done ? (i64)done : r;
}
