/*
 * splice.c: bytes between a pipe and another file, or from pipe to pipe (splice(2), tee(2)), and
 * between a pipe and the guest's memory (vmsplice(2)).
 *
 * Linux moves pages where it can. Here the bytes are copied, by way of a buffer that lives for the
 * call. No thread runs during a call, so what the pipe has room for, or holds, does not change between
 * the look and the copy: no byte is lost or goes twice. A call that has moved some bytes returns.
 */
#include "base/state.h"
#include "fs/pipe.h"
#include "mm/heap.h"

/* splice(2), <bits/fcntl-linux.h>. The other flags say how the kernel may save copies. */
enum { SPLICE_F_NONBLOCK = 2, SPLICE_F_ALL = 15 };
#define BUFFER 65536 /* bytes: as many as a pipe holds */

static int is_pipe(const struct file *f) { return f->ops->pipe_size != 0; }

/* open(2), O_PATH: such a descriptor names a file and moves no bytes. */
static struct file *moving(u64 fd)
{
	struct file *f = fd_file(fd);
	return f && !(f->flags & O_PATH) ? f : NULL;
}

/* 0, or what a call answers whose files were not opened for this direction. */
static i64 check_modes(const struct file *in, const struct file *out)
{
	return (in->flags & O_ACCMODE) == O_WRONLY || !(out->flags & O_ACCMODE) ? -EBADF : 0;
}

/* SPLICE_F_NONBLOCK concerns the pipe, and a source that is empty (unix_stream_splice_read of Linux). A
 * target that is full waits as its own flags say. */
static i64 wait(struct file *f, int write, u64 flags)
{
	return flags & SPLICE_F_NONBLOCK && (is_pipe(f) || !write) ? -EAGAIN : file_wait(f, write);
}

/* Between two pipes the flags of both decide: the kernel's do_splice. */
static u64 flags_of_both(const struct file *in, const struct file *out, u64 flags)
{
	return is_pipe(in) && is_pipe(out) && (in->flags | out->flags) & O_NONBLOCK ? flags | SPLICE_F_NONBLOCK : flags;
}

/* What a source has, at most n bytes of it, goes to a target. keep: the bytes stay in the source, a
 * pipe, as well. */
static i64 copy(struct file *in, struct file *out, i64 from, i64 to, u64 n, u64 flags, int keep)
{
	i64 r = is_pipe(out) ? pipe_room(out, n) : (i64)MIN(n, BUFFER);
	if (r < 0)
		return r == -EAGAIN ? wait(out, 1, flags) : r;
	u8 *b = kalloc(BUFFER);
	if (!b)
		return -ENOMEM;
	struct file *last = in;
	r = is_pipe(in) ? pipe_look(in, (u64)b, r) : file_read(in, (u64)b, r, from);
	if (r > 0) {
		last = out;
		r = file_write(out, (u64)b, r, to);
		if (r > 0 && is_pipe(in) && !keep)
			pipe_drop(in, r);
	}
	kfree(b, BUFFER);
	return r == -EAGAIN ? wait(last, last == out, flags) : r;
}

/* 0, or what splice refuses of the file that is no pipe: at says whether a position was given. */
static i64 check_other(const struct file *f, u32 direction, int at)
{
	/* splice(2), EINVAL: a file that cannot be spliced, that has no position, or that appends. */
	if (!(f->ops->splice & direction) || (at && !f->ops->size))
		return -EINVAL;
	return direction == SPLICE_TO && f->flags & O_APPEND ? -EINVAL : 0;
}

/* 0, or what splice refuses. */
static i64 check_pair(const struct file *in, const struct file *out, int in_at, int out_at)
{
	i64 r = check_modes(in, out);
	if (r)
		return r;
	if (is_pipe(in))
		return !is_pipe(out) ? check_other(out, SPLICE_TO, out_at) : in->obj == out->obj ? -EINVAL : 0;
	return is_pipe(out) ? check_other(in, SPLICE_FROM, in_at) : -EINVAL;
}

/* splice(2). A position that was given moves instead of the file's own. */
i64 sys_splice(u64 in_fd, u64 in_at, u64 out_fd, u64 out_at, u64 n, u64 flags)
{
	struct file *in = moving(in_fd), *out = moving(out_fd);
	i64 from = -1, to = -1;
	if (!n)
		return 0;
	if (flags & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	if (!in || !out)
		return -EBADF;
	/* splice(2): a pipe has no position. */
	if ((in_at && is_pipe(in)) || (out_at && is_pipe(out)))
		return -ESPIPE;
	if ((in_at && from_user(&from, in_at, 8)) || (out_at && from_user(&to, out_at, 8)))
		return -EFAULT;
	i64 r = check_pair(in, out, !!in_at, !!out_at);
	if (r)
		return r;
	/* lseek(2): positions are not negative. */
	if ((in_at && from < 0) || (out_at && to < 0))
		return -EINVAL;
	r = copy(in, out, from, to, n, flags_of_both(in, out, flags), 0);
	if (r <= 0)
		return r;
	from += r, to += r;
	return (in_at && to_user(in_at, &from, 8)) || (out_at && to_user(out_at, &to, 8)) ? -EFAULT : r;
}

/* tee(2): the bytes stay in the first pipe. */
i64 sys_tee(u64 in_fd, u64 out_fd, u64 n, u64 flags)
{
	struct file *in = moving(in_fd), *out = moving(out_fd);
	if (flags & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	if (!n)
		return 0;
	if (!in || !out)
		return -EBADF;
	i64 r = check_modes(in, out);
	if (r)
		return r;
	/* tee(2), EINVAL: both are pipes, and not the same one. */
	if (!is_pipe(in) || !is_pipe(out) || in->obj == out->obj)
		return -EINVAL;
	return copy(in, out, -1, -1, n, flags_of_both(in, out, flags), 1);
}

/* One buffer of vmsplice: bytes moved, 0 at the end of the pipe, or -errno. */
static i64 one(struct file *f, const struct iovec *v, int write)
{
	if (!write)
		return file_read(f, (u64)v->iov_base, v->iov_len, -1);
	i64 room = pipe_room(f, v->iov_len);
	return room < 0 ? room : file_write(f, (u64)v->iov_base, room, -1);
}

/* vmsplice(2): into a pipe whose end is open for writing, else out of the pipe. */
i64 sys_vmsplice(u64 fd, u64 iov, u64 count, u64 flags)
{
	struct file *f = moving(fd);
	struct iovec v[UIO_MAXIOV];
	i64 done = 0, r = 0;
	if (flags & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	/* vmsplice(2), EBADF: the descriptor is no pipe's. */
	if (!f || !is_pipe(f))
		return -EBADF;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (from_user(v, iov, count * sizeof *v))
		return -EFAULT;
	int write = !!(f->flags & O_ACCMODE);
	for (u64 i = 0; i < count; i++) {
		if (!v[i].iov_len)
			continue;
		r = one(f, &v[i], write);
		if (r == -EAGAIN && !done)
			return wait(f, write, flags);
		done += MAX(r, 0);
		/* The pipe is full, or empty, or the next buffer is bad. */
		if (r < (i64)v[i].iov_len)
			break;
	}
	return done ? done : r;
}
