/*
 * fd.c: descriptors: numbers for open files: dup(2), fcntl(2), ioctl(2), close(2), close_range(2).
 *
 * The table is as long as RLIMIT_NOFILE allows and never moves. A number leads to a slot of
 * S->files, whose count of references says how many numbers (and messages under way) lead to it.
 * close-on-exec is remembered and means nothing, since there is no exec.
 *
 * fcntl and ioctl answer what is the same for every kind; the rest is an operation, or a word, of
 * struct file_ops.
 */
#include "base/state.h"

/* The lowest free number, as POSIX wants it. Without one the file is released: the caller has no
 * other reference to it. */
static i64 install_from(u64 from, i64 file, int cloexec)
{
	if (file < 0)
		return file;
	for (u64 fd = from; fd < MAX_FDS; fd++) {
		if (S->fds[fd].used)
			continue;
		S->fds[fd] = (struct fd){ file, 1, cloexec };
		return fd;
	}
	file_put(file);
	return -EMFILE;
}

i64 fd_install(i64 file, int cloexec) { return install_from(0, file, cloexec); }

/* The file's own close is called when there is no number for it, but not when there is no slot. */
i64 fd_new(const struct file_ops *ops, u32 flags, void *obj, int cloexec)
{
	return fd_install(file_new(ops, flags, obj), cloexec);
}

/* The slot that a number leads to. */
i64 fd_index(u64 fd) { return fd < MAX_FDS && S->fds[fd].used ? S->fds[fd].file : -EBADF; }

/* The open file that a number leads to. */
struct file *fd_file(u64 fd) { return fd < MAX_FDS && S->fds[fd].used ? &S->files[S->fds[fd].file] : NULL; }

/* close(2). The number is free at once, as POSIX wants it. */
i64 fd_close(u64 fd)
{
	i64 i = fd_index(fd);
	if (i < 0)
		return i;
	S->fds[fd].used = 0; /* before the file goes: its close may look through the descriptors */
	file_put(i);
	return 0;
}

/* A guest that does not learn of its descriptors could not close them. */
i64 fd_pair(i64 a, i64 b, u64 out)
{
	i32 fd[2] = { a, b };
	if (!to_user(out, fd, sizeof fd))
		return 0;
	fd_close(a);
	fd_close(b);
	return -EFAULT;
}

i64 sys_close(u64 fd) { return fd_close(fd); }

/* close_range(2). Numbers that are not open are passed by. */
i64 sys_close_range(u64 from, u64 to, u64 flags)
{
	if (from > to)
		return -EINVAL;
	for (u64 fd = from; fd <= to && fd < MAX_FDS; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			S->fds[fd].cloexec = 1;
		else
			fd_close(fd);
	}
	return 0;
}

/* dup(2), F_DUPFD: a second number for the same open file. */
static i64 dup_from(u64 fd, u64 from, int cloexec)
{
	i64 i = fd_index(fd);
	if (i < 0)
		return i;
	/* fcntl(2), F_DUPFD: EINVAL, and not the EMFILE of a full table. */
	if (from >= MAX_FDS)
		return -EINVAL;
	S->files[i].refs++; /* install_from gives the reference up when no number is free */
	return install_from(from, i, cloexec);
}

i64 sys_dup(u64 fd) { return dup_from(fd, 0, 0); }

/* dup3(2): to is closed first, silently, as Linux does. */
i64 sys_dup3(u64 fd, u64 to, u64 flags)
{
	i64 i = fd_index(fd);
	if (i < 0)
		return i;
	/* dup2(2): EBADF for a number that the table does not have. */
	if (to >= MAX_FDS)
		return -EBADF;
	/* dup3(2): EINVAL, unlike dup2. */
	if (fd == to)
		return -EINVAL;
	S->files[i].refs++;
	fd_close(to);
	S->fds[to] = (struct fd){ i, 1, !!(flags & O_CLOEXEC) };
	return to;
}

/* dup2(2) of a number to itself is allowed, unlike dup3. */
i64 sys_dup2(u64 fd, u64 to) { return fd == to ? (fd_file(fd) ? (i64)to : -EBADF) : sys_dup3(fd, to, 0); }

/* fcntl(2). Locks always succeed: there is one process, and its own locks never exclude it. */
i64 sys_fcntl(u64 fd, u64 cmd, u64 arg)
{
	struct file *f = fd_file(fd);
	u16 unlocked = F_UNLCK;
	if (!f)
		return -EBADF;
	switch (cmd) {
	case F_DUPFD: return dup_from(fd, arg, 0);
	case F_DUPFD_CLOEXEC: return dup_from(fd, arg, 1);
	case F_GETFD: return S->fds[fd].cloexec;
	case F_SETFD: S->fds[fd].cloexec = arg & FD_CLOEXEC; return 0;
	case F_GETFL: return f->flags;
	/* fcntl(2): the other flags stay as they were. */
	case F_SETFL: f->flags = (f->flags & ~(O_APPEND | O_NONBLOCK)) | (arg & (O_APPEND | O_NONBLOCK)); return 0;
	case F_GETLK:
	case F_OFD_GETLK: return to_user(arg, &unlocked, 2); /* l_type comes first: nobody else holds a lock */
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_SETLK:
	case F_OFD_SETLKW: return 0; /* there is one process */
	case F_GETPIPE_SZ: return f->ops->pipe_size ? (i64)f->ops->pipe_size : -EBADF;
	case F_SETPIPE_SZ: return arg;
	case F_GET_SEALS: return 0; /* no file is ever sealed: F_ADD_SEALS is EINVAL */
	default: return -EINVAL;
	}
}

/* ioctl(2): what any file can be asked; the rest is its kind's. */
i64 sys_ioctl(u64 fd, u64 cmd, u64 arg)
{
	struct file *f = fd_file(fd);
	i32 v;
	if (!f)
		return -EBADF;
	switch ((u32)cmd) {
	case FIONBIO:
		if (from_user(&v, arg, 4))
			return -EFAULT;
		/* FIONBIO is O_NONBLOCK of fcntl(2), F_SETFL, by another call. */
		f->flags = v ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	/* ioctl_fs: close-on-exec, which means nothing here, but reads back. */
	case FIOCLEX: S->fds[fd].cloexec = 1; return 0;
	case FIONCLEX: S->fds[fd].cloexec = 0; return 0;
	case FIONREAD: v = f->ops->readable ? f->ops->readable(f) : 0; return to_user(arg, &v, 4);
	default: return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
	}
}
