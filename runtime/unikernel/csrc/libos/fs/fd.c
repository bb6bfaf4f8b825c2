/* fd.c: descriptors: numbers for open files. */
#include "net/socket.h"

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

i64 fd_new(u8 kind, u32 flags, void *obj, int cloexec) { return fd_install(file_new(kind, flags, obj), cloexec); }

i64 fd_index(u64 fd) { return fd < MAX_FDS && S->fds[fd].used ? S->fds[fd].file : -EBADF; }

struct file *fd_file(u64 fd) { return fd < MAX_FDS && S->fds[fd].used ? &S->files[S->fds[fd].file] : NULL; }

i64 fd_close(u64 fd)
{
	i64 i = fd_index(fd);
	if (i < 0)
		return i;
	S->fds[fd].used = 0;
	file_put(i);
	return 0;
}

i64 sys_close(u64 fd) { return fd_close(fd); }

i64 sys_close_range(u64 from, u64 to, u64 flags)
{
	if (from > to)
		return -EINVAL;
	for (u64 fd = from; fd <= to && fd < MAX_FDS; fd++) {
		if (flags & 4)
			S->fds[fd].cloexec = 1;
		else
			fd_close(fd);
	}
	return 0;
}

static i64 dup_from(u64 fd, u64 from, int cloexec)
{
	i64 i = fd_index(fd);
	if (i < 0)
		return i;
	if (from >= MAX_FDS)
		return -EINVAL;
	S->files[i].refs++;
	return install_from(from, i, cloexec);
}

i64 sys_dup(u64 fd) { return dup_from(fd, 0, 0); }

i64 sys_dup3(u64 fd, u64 to, u64 flags)
{
	i64 i = fd_index(fd);
	if (i < 0)
		return i;
	if (to >= MAX_FDS)
		return -EBADF;
	if (fd == to)
		return -EINVAL;
	S->files[i].refs++;
	fd_close(to);
	S->fds[to] = (struct fd){ i, 1, !!(flags & O_CLOEXEC) };
	return to;
}

i64 sys_dup2(u64 fd, u64 to) { return fd == to ? (fd_file(fd) ? (i64)to : -EBADF) : sys_dup3(fd, to, 0); }

i64 sys_fcntl(u64 fd, u64 cmd, u64 arg)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	switch (cmd) {
	case 0: return dup_from(fd, arg, 0);
	case 1030: return dup_from(fd, arg, 1);
	case 1: return S->fds[fd].cloexec;
	case 2: S->fds[fd].cloexec = arg & 1; return 0;
	case 3: return f->flags;
	case 4: f->flags = (f->flags & ~(O_APPEND | O_NONBLOCK)) | (arg & (O_APPEND | O_NONBLOCK)); return 0;
	case 5: { /* F_GETLK: nobody else holds one */
		u16 unlocked = 2;
		return to_user(arg, &unlocked, 2);
	}
	case 6: case 7: case 37: case 38: return 0; /* locks: there is one process */
	case 36: { u16 unlocked = 2; return to_user(arg, &unlocked, 2); }
	case 1032: return f->kind == K_PIPE_R || f->kind == K_PIPE_W ? 65536 : -EBADF;
	case 1031: return arg;
	case 1034: return 0;
	default: return -EINVAL;
	}
}

i64 sys_ioctl(u64 fd, u64 cmd, u64 arg)
{
	struct file *f = fd_file(fd);
	i32 v;
	if (!f)
		return -EBADF;
	switch ((u32)cmd) {
	case 0x5421: /* FIONBIO */
		if (from_user(&v, arg, 4))
			return -EFAULT;
		f->flags = v ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	case 0x5451: S->fds[fd].cloexec = 1; return 0;
	case 0x5450: S->fds[fd].cloexec = 0; return 0;
	case 0x541b: /* FIONREAD */
		v = f->kind == K_CHANNEL ? (i32)S->chan.len : f->kind == K_PIPE_R ? (i32)((struct queue *)f->obj)->len :
			f->kind == K_SOCKET ? (i32)sock_readable(f->obj) : f->kind == K_INOTIFY ? (i32)notify_readable(f) : 0;
		return to_user(arg, &v, 4);
	case SIOCGIFNAME:
	case SIOCGIFINDEX: return f->kind == K_SOCKET ? interface_ioctl(cmd, arg) : -ENOTTY;
	default: return -ENOTTY;
	}
}
