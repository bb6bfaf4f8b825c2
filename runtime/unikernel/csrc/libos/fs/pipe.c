/*
 * pipe.c: pipes, with and without a name (pipe(7), fifo(7)): a queue of bytes, and how many hold
 * each end.
 *
 * A pipe lives as long as somebody holds an end. One that has a name (a fifo) hangs on its inode
 * while it is open, and lives on with what was written until a reader comes.
 */
#include "base/state.h"
#include "fs/pipe.h"
#include "mm/heap.h"

/* seq counts what moves, for edges. */
struct pipe {
	struct fifo fifo; /* how tmpfs lets go of it: keep first */
	struct queue q;
	u32 readers, writers, seq; /* open files, not descriptors */
	u32 named; /* 1 + the inode that names it, 0: none */
	u32 no_reader, no_writer; /* of a fifo: none has come yet, and so none has left */
};
#define PIPE_SIZE 65536 /* bytes: pipe(7) */

/* At the end when nobody can write any more; a fifo whose writer is still to come has no end yet. */
i64 pipe_look(struct file *f, u64 dst, u64 n)
{
	struct pipe *p = f->obj;
	if (!p->q.len)
		return p->writers || p->no_writer ? -EAGAIN : 0;
	return queue_get_user(&p->q, dst, n, 1);
}

void pipe_drop(struct file *f, u64 n)
{
	struct pipe *p = f->obj;
	queue_drop(&p->q, n);
	p->seq++;
	changed(); /* a writer may wait for the room */
}

static i64 pipe_read(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)off;
	/* The kernel's pipe_read lets a read of no bytes succeed, also on an empty pipe. */
	i64 r = n ? pipe_look(f, buf, n) : 0;
	if (r > 0)
		pipe_drop(f, r);
	return r;
}

/* pipe(7): SIGPIPE comes with the error. no_reader: a fifo's writer may come before its reader. */
static int broken(const struct pipe *p)
{
	if (p->readers || p->no_reader)
		return 0;
	raise_sigpipe();
	return 1;
}

/* The room is reserved: a write of that many bytes does not fail for want of memory. */
i64 pipe_room(struct file *f, u64 n)
{
	struct pipe *p = f->obj;
	if (broken(p))
		return -EPIPE;
	n = MIN(n, p->q.max - p->q.len);
	return !n ? -EAGAIN : queue_reserve(&p->q, n) ? -ENOMEM : (i64)n;
}

static i64 pipe_write(struct file *f, u64 buf, u64 n, i64 off)
{
	struct pipe *p = f->obj;
	(void)off;
	if (broken(p))
		return -EPIPE;
	u64 room = p->q.max - p->q.len;
	if (n && (!room || (n <= PIPE_BUF && room < n)))
		return -EAGAIN; /* small writes are atomic */
	i64 r = queue_put_user(&p->q, buf, n);
	p->seq++;
	changed();
	return r;
}

/* The end is told by POLLHUP: poll(2). */
static u32 read_poll(struct file *f)
{
	struct pipe *p = f->obj;
	return (p->q.len ? POLLIN : 0) | (p->writers || p->no_writer ? 0 : POLLHUP);
}

/* Room for an atomic write, so that a program that was told to write is not refused. */
static u32 write_poll(struct file *f)
{
	struct pipe *p = f->obj;
	return (p->q.max - p->q.len >= PIPE_BUF ? POLLOUT : 0) | (p->readers || p->no_reader ? 0 : POLLERR);
}

/* Both ends have one count: an edge too many is harmless. */
static u32 pipe_edge(struct file *f) { return ((struct pipe *)f->obj)->seq; }
static u64 pipe_readable(struct file *f) { return ((struct pipe *)f->obj)->q.len; }

/* Nobody holds an end, and no name leads here. */
static void pipe_free(struct pipe *p)
{
	queue_free(&p->q);
	kfree(p, sizeof *p);
}

/* One end fewer; the last one takes the pipe with it. */
static void leave(struct pipe *p, u32 *ends)
{
	p->seq++;
	--*ends;
	/* What was written into a fifo waits for the reader, for whom its writer would have waited. */
	if (p->readers || p->writers || (p->no_reader && p->q.len))
		return;
	if (p->named)
		tmp_fifo_gone(p->named - 1);
	pipe_free(p);
}

static void read_close(struct file *f)
{
	struct pipe *p = f->obj;
	leave(p, &p->readers);
}

static void write_close(struct file *f)
{
	struct pipe *p = f->obj;
	leave(p, &p->writers);
}

/* A fifo that is open for both is a reader that may write, too. */
const struct file_ops pipe_read_ops = { .name = "pipe:[",
	.mode = S_IFIFO | 0600,
	.pipe_size = PIPE_SIZE,
	.splice = SPLICE_FROM | SPLICE_TO,
	.read = pipe_read,
	.write = pipe_write,
	.poll = read_poll,
	.edge = pipe_edge,
	.readable = pipe_readable,
	.close = read_close };
const struct file_ops pipe_write_ops = { .name = "pipe:[",
	.mode = S_IFIFO | 0600,
	.pipe_size = PIPE_SIZE,
	.splice = SPLICE_FROM | SPLICE_TO,
	.write = pipe_write,
	.poll = write_poll,
	.edge = pipe_edge,
	.close = write_close };

/* pipe2(2). O_DIRECT, packets instead of bytes, is accepted and not kept: nobody who asks for it
 * relies on it. */
i64 sys_pipe2(u64 out, u64 flags)
{
	if (flags & ~(u64)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	struct pipe *p = kalloc(sizeof *p);
	if (!p)
		return -ENOMEM;
	p->q.max = PIPE_SIZE;
	/* Each end is one open file, however many descriptors lead to it. */
	p->readers = p->writers = 1;
	i64 r = file_new(&pipe_read_ops, flags & O_NONBLOCK, p),
		w = file_new(&pipe_write_ops, O_WRONLY | (flags & O_NONBLOCK), p);
	/* No slot for one of the ends. */
	if (r < 0 || w < 0) {
		if (r >= 0)
			S->files[r].refs = 0; /* not file_put: the pipe has no second end to lose */
		kfree(p, sizeof *p);
		return -ENFILE;
	}
	i64 a = fd_install(r, !!(flags & O_CLOEXEC));
	if (a < 0) {
		file_put(w);
		return a;
	}
	/* A file without a number is released by fd_install. */
	i64 b = fd_install(w, !!(flags & O_CLOEXEC));
	if (b < 0) {
		fd_close(a);
		return b;
	}
	return fd_pair(a, b, out);
}

/* pipe(2) */
i64 sys_pipe(u64 out) { return sys_pipe2(out, 0); }

/* ---- Named pipes ---- */

/* The inode ends. A fifo that is open lives on without its name. */
static int fifo_forget(struct fifo *fifo)
{
	struct pipe *p = (struct pipe *)fifo;
	if (p->readers || p->writers)
		return 0;
	pipe_free(p);
	return 1;
}

/* fifo(7) waits in open for the other side. Here the first read waits for a writer, and what a
 * writer wrote waits for a reader, which threads that meet by a name cannot tell apart. */
i64 fifo_open(u32 inode, u32 flags)
{
	struct pipe *p = (struct pipe *)*tmp_fifo(inode);
	int read = (flags & O_ACCMODE) != O_WRONLY, write = flags & O_ACCMODE;
	/* fifo(7): a writer that does not wait needs a reader. */
	if (!read && flags & O_NONBLOCK && (!p || !p->readers))
		return -ENXIO;
	if (!p) {
		if (!(p = kalloc(sizeof *p)))
			return -ENOMEM;
		p->fifo.forget = fifo_forget;
		p->q.max = PIPE_SIZE;
		p->named = inode + 1;
		p->no_reader = p->no_writer = 1;
	}
	i64 i = file_new(read ? &pipe_read_ops : &pipe_write_ops, flags & (O_ACCMODE | O_NONBLOCK), p);
	if (i < 0) {
		/* The pipe of a fifo that is open already belongs to its inode. */
		if (!*tmp_fifo(inode))
			kfree(p, sizeof *p);
		return i;
	}
	if (read)
		p->readers++, p->no_reader = 0;
	if (write)
		p->no_writer = 0;
	/* Open for both counts as a reader: its own bytes would keep it from ever seeing the end. */
	if (write && !read)
		p->writers++;
	*tmp_fifo(inode) = &p->fifo;
	S->files[i].fs = FS_TMP, S->files[i].node = inode;
	changed(); /* a reader may wait for the bytes */
	return i;
}
