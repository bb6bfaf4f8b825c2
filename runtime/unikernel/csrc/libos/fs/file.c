/* file.c: open files, and reading and writing them, whatever their kind. */
#include "fs/notify.h"
#include "fs/tmpfs.h"

void files_init(void)
{
	S->umask = 022;
	S->cwd = (struct vnode){ FS_IMAGE, 0 };
	S->chan.max = 64u << 20;
	mounts_init();
	fd_new(K_NULL, 0, NULL, 0);
	i64 out = file_new(K_CONSOLE, O_WRONLY, NULL), err = file_new(K_CONSOLE, O_WRONLY, NULL);
	S->files[out].aux = 1, S->files[err].aux = 2;
	fd_install(out, 0);
	fd_install(err, 0);
	fd_new(K_CHANNEL, O_RDWR, NULL, 0); /* descriptor 3: the driver's stream */
}

i64 file_new(u8 kind, u32 flags, void *obj)
{
	for (u32 i = 1; i < MAX_FILES; i++) {
		struct file *f = &S->files[i];
		if (f->refs)
			continue;
		memset(f, 0, sizeof *f);
		f->kind = kind, f->flags = flags, f->obj = obj, f->refs = 1;
		f->serial = ++S->next_serial;
		if (kind == K_CONSOLE)
			f->aux = 2;
		return i;
	}
	return -ENFILE;
}

void file_put(u32 i)
{
	struct file *f = &S->files[i];
	if (--f->refs)
		return;
	switch (f->kind) {
	case K_FILE:
	case K_DIR:
		if (f->fs != FS_TMP)
			break;
		if (watched() && !(f->flags & O_PATH))
			notify_file(f->node, f->flags & O_ACCMODE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
		tmp_put(f->node);
		break;
	case K_TEXT: kfree(f->obj, f->aux + 1); break;
	case K_PIPE_R:
	case K_PIPE_W: pipe_close(f); break;
	case K_EPOLL: epoll_close(f); break;
	case K_SOCKET: socket_close(f); break;
	case K_INOTIFY: notify_close(f); break;
	case K_EVENT:
	case K_TIMER: kfree(f->obj, 32); break;
	}
	f->kind = K_FREE;
	changed();
}

i64 would_block(struct file *f) { return f->flags & O_NONBLOCK ? -EAGAIN : block(FOREVER); }

static i64 text_read(struct file *f, u64 buf, u64 n, u64 off)
{
	const u8 *p = f->obj;
	u64 size = f->aux;
	if (f->kind == K_FILE)
		vnode_bytes((struct vnode){ f->fs, f->node }, &p, &size);
	if (off >= size)
		return 0;
	n = MIN(n, size - off);
	return to_user(buf, p + off, n) ? -EFAULT : (i64)n;
}

static i64 random_read(u64 buf, u64 n)
{
	u8 r[256];
	for (u64 at = 0, k; at < n; at += k) {
		k = MIN(n - at, sizeof r);
		host_entropy(r, k);
		if (to_user(buf + at, r, k))
			return -EFAULT;
	}
	return n;
}

/* A blocking read does not ask the host: it sleeps there when nobody else can run, which asks at once. */
static i64 channel_read(struct file *f, u64 buf, u64 n)
{
	if (!S->chan.len && f->flags & O_NONBLOCK)
		host_receive();
	if (!S->chan.len && n)
		return -EAGAIN;
	return queue_get_user(&S->chan, buf, n, 0);
}

/* Sends what fits into packets; the channel keeps the order. */
static i64 packets(u16 type, u32 id, u64 buf, u64 n)
{
	u64 at = 0;
	while (at < n) {
		u64 k = MIN(n - at, UC_MSG_MAX - sizeof(struct uc_msg));
		i64 r = send_msg(type, id, 0, NULL, 0, buf + at, k);
		if (r)
			return at ? (i64)at : r;
		at += k;
	}
	return n;
}

/* off: -1 for the file's own position. */
i64 file_read(struct file *f, u64 buf, u64 n, i64 off)
{
	if ((f->flags & O_ACCMODE) == O_WRONLY || f->flags & O_PATH)
		return -EBADF;
	switch (f->kind) {
	case K_FILE:
	case K_TEXT: {
		i64 r = text_read(f, buf, n, off < 0 ? f->pos : (u64)off);
		if (off < 0 && r > 0)
			f->pos += r;
		if (watched() && r > 0 && f->kind == K_FILE && f->fs == FS_TMP)
			notify_file(f->node, IN_ACCESS);
		return r;
	}
	case K_DIR: return -EISDIR;
	case K_NULL: return 0;
	case K_ZERO:
	case K_FULL: return zero_user(buf, n) ? -EFAULT : (i64)n;
	case K_RANDOM: return random_read(buf, n);
	case K_CONSOLE: return 0;
	case K_CHANNEL: return channel_read(f, buf, n);
	case K_PIPE_R: return pipe_read(f, buf, n);
	case K_EVENT: return event_read(f, buf, n);
	case K_TIMER: return timerfd_read(f, buf, n);
	case K_SOCKET: return socket_read(f, buf, n);
	case K_SIGNAL: return -EAGAIN;
	case K_INOTIFY: return notify_read(f, buf, n);
	default: return -EINVAL;
	}
}

i64 file_write(struct file *f, u64 buf, u64 n, i64 off)
{
	if (!(f->flags & O_ACCMODE) && f->kind != K_SOCKET && f->kind != K_EVENT)
		return -EBADF;
	switch (f->kind) {
	case K_FILE: {
		u64 at = off >= 0 ? (u64)off : f->flags & O_APPEND ? S->inodes[f->node].size : f->pos;
		i64 r = n ? tmp_write(f->node, buf, n, at) : 0;
		if (off < 0 && r > 0)
			f->pos = at + r;
		if (watched() && r > 0)
			notify_file(f->node, IN_MODIFY);
		return r;
	}
	case K_NULL:
	case K_ZERO:
	case K_RANDOM: return n;
	case K_FULL: return -ENOSPC;
	case K_CONSOLE: return packets(UC_MSG_CONSOLE, f->aux, buf, n);
	case K_CHANNEL: return packets(UC_MSG_DATA, 0, buf, n);
	case K_PIPE_R: /* a fifo that is open for both */
	case K_PIPE_W: return pipe_write(f, buf, n);
	case K_EVENT: return event_write(f, buf, n);
	case K_SOCKET: {
		i64 r = socket_write(f, buf, n);
		if (r == -EPIPE)
			raise_sigpipe();
		return r;
	}
	default: return -EINVAL;
	}
}

u32 file_poll(struct file *f)
{
	switch (f->kind) {
	case K_CHANNEL: return (S->chan.len ? POLLIN : 0) | (S->want_out ? 0 : POLLOUT);
	case K_CONSOLE: return POLLOUT;
	case K_PIPE_R:
	case K_PIPE_W: return pipe_poll(f);
	case K_EVENT: return event_poll(f);
	case K_TIMER: return timerfd_poll(f);
	case K_EPOLL: return epoll_poll(f);
	case K_SOCKET: return socket_poll(f);
	case K_INOTIFY: return notify_poll(f);
	case K_SIGNAL:
	case K_PROCESS: return 0; /* this process has not ended */
	default: return POLLIN | POLLOUT;
	}
}

/* ---- read and write in all their forms ---- */

struct iovec { u64 base, len; };
#define IOV_MAX 1024

/* Moves the vector; a blocking write goes on until all of it is gone, over retries (thread.progress). */
static i64 transfer(struct file *f, const struct iovec *v, u64 count, i64 off, int write)
{
	u64 done = SELF->retrying ? SELF->progress : 0, at = 0;
	i64 r = 0;
	for (u64 i = 0; i < count; i++) {
		u64 skip = done > at ? MIN(done - at, v[i].len) : 0;
		at += v[i].len;
		while (skip < v[i].len || (count == 1 && !v[i].len)) {
			u64 n = v[i].len - skip;
			r = write ? file_write(f, v[i].base + skip, n, off < 0 ? off : off + (i64)done)
				  : file_read(f, v[i].base + skip, n, off < 0 ? off : off + (i64)done);
			if (r == -EAGAIN && !(f->flags & O_NONBLOCK) && (write || !done)) {
				SELF->progress = done;
				return block(FOREVER);
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

static i64 one(u64 fd, u64 buf, u64 n, i64 off, int write)
{
	struct file *f = fd_file(fd);
	struct iovec v = { buf, MIN(n, 0x7ffff000ull) };
	return f ? transfer(f, &v, 1, off, write) : -EBADF;
}

static i64 many(u64 fd, u64 iov, u64 count, i64 off, int write)
{
	struct iovec v[IOV_MAX];
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (count > IOV_MAX)
		return -EINVAL;
	if (from_user(v, iov, count * sizeof *v))
		return -EFAULT;
	return transfer(f, v, count, off, write);
}

static int seekable(u64 fd)
{
	struct file *f = fd_file(fd);
	return f && (f->kind == K_FILE || f->kind == K_TEXT || f->kind == K_NULL || f->kind == K_ZERO || f->kind == K_DIR);
}

i64 sys_read(u64 fd, u64 buf, u64 n) { return one(fd, buf, n, -1, 0); }
i64 sys_write(u64 fd, u64 buf, u64 n) { return one(fd, buf, n, -1, 1); }
i64 sys_readv(u64 fd, u64 iov, u64 n) { return many(fd, iov, n, -1, 0); }
i64 sys_writev(u64 fd, u64 iov, u64 n) { return many(fd, iov, n, -1, 1); }

i64 sys_pread64(u64 fd, u64 buf, u64 n, u64 off)
{
	if ((i64)off < 0)
		return -EINVAL;
	return !fd_file(fd) ? -EBADF : seekable(fd) ? one(fd, buf, n, off, 0) : -ESPIPE;
}

i64 sys_pwrite64(u64 fd, u64 buf, u64 n, u64 off)
{
	if ((i64)off < 0)
		return -EINVAL;
	return !fd_file(fd) ? -EBADF : seekable(fd) ? one(fd, buf, n, off, 1) : -ESPIPE;
}

i64 sys_preadv(u64 fd, u64 iov, u64 n, u64 off)
{
	return !fd_file(fd) ? -EBADF : seekable(fd) ? many(fd, iov, n, off, 0) : -ESPIPE;
}

i64 sys_pwritev(u64 fd, u64 iov, u64 n, u64 off)
{
	return !fd_file(fd) ? -EBADF : seekable(fd) ? many(fd, iov, n, off, 1) : -ESPIPE;
}

/* preadv2 and pwritev2: the position is the file's own if off is -1. Flags that only ask for haste or for the disk change nothing. */
static i64 flagged(u64 fd, u64 iov, u64 n, u64 off, u64 flags, int write)
{
	enum { RWF_HIPRI = 1, RWF_DSYNC = 2, RWF_SYNC = 4, RWF_NOWAIT = 8, RWF_APPEND = 16 };
	u64 known = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | (write ? RWF_APPEND : 0);
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (flags & ~known)
		return -EOPNOTSUPP;
	if (off != ~0ull && (i64)off < 0)
		return -EINVAL;
	if (off != ~0ull && !seekable(fd))
		return -ESPIPE;
	if (flags & RWF_APPEND && f->kind == K_FILE && f->fs == FS_TMP)
		off = S->inodes[f->node].size;
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

i64 sys_lseek(u64 fd, u64 off, u64 whence)
{
	struct file *f = fd_file(fd);
	u64 size = 0;
	const u8 *p;
	if (!f)
		return -EBADF;
	if (!seekable(fd))
		return -ESPIPE;
	if (f->kind == K_FILE)
		vnode_bytes((struct vnode){ f->fs, f->node }, &p, &size);
	else if (f->kind == K_TEXT)
		size = f->aux;
	i64 to;
	switch (whence) {
	case 0: to = off; break;
	case 1: to = f->pos + off; break;
	case 2: to = size + off; break;
	case 3: /* SEEK_DATA */
	case 4: /* SEEK_HOLE: at the end only */
		if (off >= size)
			return -ENXIO;
		to = whence == 3 ? off : size;
		break;
	default: return -EINVAL;
	}
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}
