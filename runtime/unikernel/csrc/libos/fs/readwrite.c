/*
 * readwrite.c: read and write in all their forms, and lseek: read(2), readv(2), pread(2),
 * preadv2(2), lseek(2).
 *
 * All forms come down to a vector of buffers and a position: the file's own, or one that the call
 * gives. A read ends with the first buffer that is not filled. A blocking write goes on until all
 * of it is gone, over several attempts of the call: thread.progress says how much went before, so
 * that no byte goes twice.
 *
 * A file has a position if its kind has a size; positioned calls on any other are ESPIPE.
 */
#include "base/state.h"

struct vec {
	u64 base, len;
}; /* struct iovec */
#define LENGTH_MAX 0x7ffff000ull /* Linux's MAX_RW_COUNT: more is moved by no call */
/* No position that a call gives is negative, so -1 is free to mean the file's own. */
#define OWN_POSITION (-1)

/* A read gives back what came first; a write is over when all is gone, or when nothing can go and
 * the caller does not want to wait. off: OWN_POSITION, or where the first byte goes. */
static i64 transfer(struct file *f, const struct vec *v, u64 count, i64 off, int write)
{
	u64 done = SELF->retrying ? SELF->progress : 0, at = 0;
	i64 r = 0;
	for (u64 i = 0; i < count; i++) {
		/* Buffers whose bytes have gone in an earlier attempt are passed by. */
		u64 skip = done > at ? MIN(done - at, v[i].len) : 0;
		at += v[i].len;
		/* A single buffer of no length still asks the file: it may have an error to tell. */
		while (skip < v[i].len || (count == 1 && !v[i].len)) {
			u64 n = v[i].len - skip;
			i64 to = off < 0 ? off : off + (i64)done;
			r = write ? file_write(f, v[i].base + skip, n, to) : file_read(f, v[i].base + skip, n, to);
			/* A read with something in hand does not wait for more. */
			if (r == -EAGAIN && (write || !done)) {
				SELF->progress = done;
				r = file_wait(f, write);
				if (r == BLOCKED)
					return r;
			}
			if (r <= 0)
				return done ? (i64)done : r;
			done += r, skip += r;
			if ((u64)r < n && !write)
				return done;
		}
	}
	return done;
}

/* Longer than Linux's maximum is cut, not refused: write(2). */
static i64 one(u64 fd, u64 buf, u64 n, i64 off, int write)
{
	struct file *f = fd_file(fd);
	struct vec v = { buf, MIN(n, LENGTH_MAX) };
	return f ? transfer(f, &v, 1, off, write) : -EBADF;
}

/* The whole vector is copied first: the guest may change its own while the call waits. */
static i64 many(u64 fd, u64 iov, u64 count, i64 off, int write)
{
	struct vec v[UIO_MAXIOV];
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	/* readv(2): EINVAL above IOV_MAX, which is UIO_MAXIOV of <linux/uio.h>. */
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (from_user(v, iov, count * sizeof *v))
		return -EFAULT;
	return transfer(f, v, count, off, write);
}

/* read(2), write(2), readv(2), writev(2): at the file's own position. */
i64 sys_read(u64 fd, u64 buf, u64 n) { return one(fd, buf, n, OWN_POSITION, 0); }
i64 sys_write(u64 fd, u64 buf, u64 n) { return one(fd, buf, n, OWN_POSITION, 1); }
i64 sys_readv(u64 fd, u64 iov, u64 n) { return many(fd, iov, n, OWN_POSITION, 0); }
i64 sys_writev(u64 fd, u64 iov, u64 n) { return many(fd, iov, n, OWN_POSITION, 1); }

/* ---- At a position ---- */

static int seekable(const struct file *f) { return f->ops->size != NULL; }

/* 0, or what a call with a position answers for this descriptor. */
static i64 positioned(u64 fd)
{
	const struct file *f = fd_file(fd);
	return !f ? -EBADF : seekable(f) ? 0 : -ESPIPE;
}

/* pread(2): an offset is signed. */
i64 sys_pread64(u64 fd, u64 buf, u64 n, u64 off)
{
	i64 r = (i64)off < 0 ? -EINVAL : positioned(fd);
	return r ? r : one(fd, buf, n, off, 0);
}

i64 sys_pwrite64(u64 fd, u64 buf, u64 n, u64 off)
{
	i64 r = (i64)off < 0 ? -EINVAL : positioned(fd);
	return r ? r : one(fd, buf, n, off, 1);
}

/* preadv(2) */
i64 sys_preadv(u64 fd, u64 iov, u64 n, u64 off)
{
	i64 r = positioned(fd);
	return r ? r : many(fd, iov, n, off, 0);
}

i64 sys_pwritev(u64 fd, u64 iov, u64 n, u64 off)
{
	i64 r = positioned(fd);
	return r ? r : many(fd, iov, n, off, 1);
}

/* Preadv2 and pwritev2: the position is the file's own if off is -1. preadv2(2). Flags that ask for
 * haste or for the disk change nothing: every file is memory. */
static i64 flagged(u64 fd, u64 iov, u64 n, u64 off, u64 flags, int write)
{
	u64 known = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | (write ? RWF_APPEND : 0);
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (flags & ~known)
		return -EOPNOTSUPP;
	if (off != ~0ull && (i64)off < 0)
		return -EINVAL;
	/* preadv2(2): with -1 the call is readv or writev, which need no position. */
	if (off != ~0ull && !seekable(f))
		return -ESPIPE;
	/* preadv2(2), RWF_APPEND: the bytes go to the end, whatever the offset says. */
	if (flags & RWF_APPEND && f->ops == &regular_ops)
		off = f->ops->size(f);
	return many(fd, iov, n, off, write);
}

/* The offset comes in two words, of which the second says nothing where a word has 64 bits. */
i64 sys_preadv2(u64 fd, u64 iov, u64 n, u64 off, u64 unused, u64 flags)
{
	(void)unused;
	return flagged(fd, iov, n, off, flags, 0);
}

i64 sys_pwritev2(u64 fd, u64 iov, u64 n, u64 off, u64 unused, u64 flags)
{
	(void)unused;
	return flagged(fd, iov, n, off, flags, 1);
}

/* lseek(2): a position behind the end is allowed. */
i64 sys_lseek(u64 fd, u64 off, u64 whence)
{
	struct file *f = fd_file(fd);
	i64 to = positioned(fd);
	if (to)
		return to;
	u64 size = f->ops->size(f);
	switch (whence) {
	case SEEK_SET: to = off; break;
	case SEEK_CUR: to = f->pos + off; break;
	case SEEK_END: to = size + off; break;
	/* lseek(2): a file without holes is data up to its end. */
	case SEEK_DATA:
	case SEEK_HOLE: /* no file here has holes but the one behind its end */
		if (off >= size)
			return -ENXIO;
		to = whence == SEEK_DATA ? off : size;
		break;
	default: return -EINVAL;
	}
	/* lseek(2): EINVAL for a position that would be negative. */
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}
