/* pipe.c: pipes: a queue of bytes and how many hold each end. */
#include "fs/tmpfs.h"

struct pipe {
	struct queue q;
	u32 readers, writers, seq;
	u32 fifo;               /* 1 + the inode that names it, 0: none */
	u32 no_reader, no_writer; /* of a fifo: none has come yet, and so none has left */
};
#define PIPE_SIZE 65536
#define PIPE_BUF 4096

i64 sys_pipe2(u64 out, u64 flags)
{
	struct pipe *p = kalloc(sizeof *p);
	i32 fd[2];
	if (flags & ~(u64)(O_CLOEXEC | O_NONBLOCK | 040000))
		return -EINVAL;
	if (!p)
		return -ENOMEM;
	p->q.max = PIPE_SIZE;
	p->readers = p->writers = 1;
	i64 r = file_new(K_PIPE_R, flags & O_NONBLOCK, p), w = file_new(K_PIPE_W, O_WRONLY | (flags & O_NONBLOCK), p);
	if (r < 0 || w < 0) {
		if (r >= 0)
			S->files[r].refs = 0;
		kfree(p, sizeof *p);
		return -ENFILE;
	}
	i64 a = fd_install(r, !!(flags & O_CLOEXEC));
	if (a < 0) {
		file_put(w);
		return a;
	}
	i64 b = fd_install(w, !!(flags & O_CLOEXEC));
	if (b < 0) {
		S->fds[a].used = 0;
		file_put(r);
		return b;
	}
	fd[0] = a, fd[1] = b;
	return to_user(out, fd, 8);
}

i64 sys_pipe(u64 out) { return sys_pipe2(out, 0); }

i64 pipe_read(struct file *f, u64 buf, u64 n)
{
	struct pipe *p = f->obj;
	if (!n)
		return 0;
	if (!p->q.len)
		return p->writers || p->no_writer ? -EAGAIN : 0;
	i64 r = queue_get_user(&p->q, buf, n, 0);
	p->seq++;
	changed();
	return r;
}

i64 pipe_write(struct file *f, u64 buf, u64 n)
{
	struct pipe *p = f->obj;
	if (!p->readers && !p->no_reader) {
		raise_sigpipe();
		return -EPIPE;
	}
	u64 room = p->q.max - p->q.len;
	if (n && (!room || (n <= PIPE_BUF && room < n)))
		return -EAGAIN; /* small writes are atomic */
	i64 r = queue_put_user(&p->q, buf, n);
	p->seq++;
	changed();
	return r;
}

u32 pipe_poll(struct file *f)
{
	struct pipe *p = f->obj;
	if (f->kind == K_PIPE_R)
		return (p->q.len ? POLLIN : 0) | (p->writers || p->no_writer ? 0 : POLLHUP);
	return (p->q.max - p->q.len >= PIPE_BUF ? POLLOUT : 0) | (p->readers || p->no_reader ? 0 : POLLERR);
}

u32 pipe_seq(struct file *f) { return ((struct pipe *)f->obj)->seq; }

static void pipe_free(struct pipe *p)
{
	queue_free(&p->q);
	kfree(p, sizeof *p);
}

void pipe_close(struct file *f)
{
	struct pipe *p = f->obj;
	p->seq++;
	f->kind == K_PIPE_R ? p->readers-- : p->writers--;
	/* What was written into a fifo waits for the reader, for whom its writer would have waited. */
	if (p->readers || p->writers || (p->no_reader && p->q.len))
		return;
	if (p->fifo)
		tmp_fifo_gone(p->fifo - 1);
	pipe_free(p);
}

int fifo_forget(struct pipe *p)
{
	if (p->readers || p->writers)
		return 0;
	pipe_free(p);
	return 1;
}

/* Opens a pipe that has a name. fifo(7) waits in open for the other side; here the first read waits for a writer, and what a writer
 * wrote waits for a reader, which threads that meet by a name cannot tell apart. */
i64 fifo_open(u32 inode, u32 flags)
{
	struct pipe *p = *tmp_fifo(inode);
	int read = (flags & O_ACCMODE) != O_WRONLY, write = flags & O_ACCMODE;
	if (!read && flags & O_NONBLOCK && (!p || !p->readers))
		return -ENXIO;
	if (!p) {
		if (!(p = kalloc(sizeof *p)))
			return -ENOMEM;
		p->q.max = PIPE_SIZE;
		p->fifo = inode + 1;
		p->no_reader = p->no_writer = 1;
	}
	i64 i = file_new(read ? K_PIPE_R : K_PIPE_W, flags & (O_ACCMODE | O_NONBLOCK), p);
	if (i < 0) {
		if (!*tmp_fifo(inode))
			kfree(p, sizeof *p);
		return i;
	}
	if (read)
		p->readers++, p->no_reader = 0;
	if (write)
		p->no_writer = 0;
	if (write && !read)
		p->writers++;
	*tmp_fifo(inode) = p;
	S->files[i].fs = FS_TMP, S->files[i].node = inode;
	changed();
	return i;
}
