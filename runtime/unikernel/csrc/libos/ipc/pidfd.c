/*
 * pidfd.c: the process and its signals as files: pidfd_open(2), pidfd_send_signal(2), signalfd(2).
 *
 * No such descriptor ever becomes readable. There is no process but this one, which does not end while
 * a descriptor of it is asked; and signals go to handlers.
 */
#include "base/state.h"
#include "fs/synth.h"

/* A readable descriptor of the process would mean that the process has ended. */
static u32 never(struct file *f)
{
	(void)f;
	return 0;
}

static const struct file_ops process_ops = { .name = "anon_inode:[pidfd]", .mode = 0600, .poll = never };

/* pidfd_open(2): the descriptor is close-on-exec. */
i64 sys_pidfd_open(u64 pid, u64 flags)
{
	/* pidfd_open(2): PIDFD_NONBLOCK is the only flag. */
	if (flags & ~(u64)O_NONBLOCK || (i32)pid <= 0)
		return -EINVAL;
	if ((u32)pid != HOST->pid && (u32)pid != S->threads[0]->tid)
		return -ESRCH;
	return fd_new(&process_ops, O_RDWR | flags, NULL, 1);
}

i64 sys_pidfd_send_signal(u64 fd, u64 sig, u64 info, u64 flags)
{
	struct file *f = fd_file(fd);
	(void)info;
	if (flags)
		return -EINVAL;
	/* A directory of /proc stands for its process, as it did before there was pidfd_open. */
	int own = f &&
		(f->ops == &process_ops ||
			(f->ops == &directory_ops && f->fs == FS_SYNTH && f->node == synth_root("proc/self")));
	return own ? signal_post(NULL, sig) : -EBADF;
}

/* ---- Signals: they come to handlers alone, so nothing can ever be read ---- */

static i64 nothing_to_read(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)buf, (void)n, (void)off;
	return -EAGAIN;
}

static const struct file_ops signalfd_ops = {
	.name = "anon_inode:[signalfd]", .mode = 0600, .poll = never, .read = nothing_to_read
};

/* signalfd(2). The mask means nothing here: a descriptor that gets another one stays as it is. */
i64 sys_signalfd4(u64 fd, u64 mask, u64 size, u64 flags)
{
	const struct file *f = fd_file(fd);
	(void)mask, (void)size;
	if ((i32)fd != -1)
		return !f ? -EBADF : f->ops == &signalfd_ops ? (i64)fd : -EINVAL;
	return fd_new(&signalfd_ops, flags & O_NONBLOCK, NULL, !!(flags & O_CLOEXEC));
}
