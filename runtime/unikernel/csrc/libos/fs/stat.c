/*
 * stat.c: what a path or a descriptor leads to: stat(2), statx(2), access(2), readlink(2).
 *
 * A file of a file system is described by its vnode: the number of the file system serves as
 * device, the number in it as inode. Both stay the same over a restore, as a build system or a
 * watcher of files expects. A file that no path leads to (a pipe, a socket, an eventfd) has the
 * mode of its kind and its serial as inode.
 */
#include "base/state.h"

/* A file that no path leads to has what its kind says; its serial serves as inode number. */
static void stat_file(struct file *f, struct stat *st)
{
	if (file_named(f)) {
		vnode_stat((struct vnode){ f->fs, f->node }, st);
		return;
	}
	/* A device of its own for what has no path: inode numbers there are serials of openings. */
	*st = (struct stat){ .st_dev = 9,
		.st_ino = f->serial,
		.st_nlink = 1,
		.st_mode = f->ops->mode,
		.st_blksize = PAGE,
		.st_rdev = f->ops->device };
}

/* The path, or with AT_EMPTY_PATH and no path the descriptor or the working directory. */
static i64 stat_at(int dirfd, u64 p, u32 flags, struct stat *st)
{
	struct vnode v = S->cwd;
	PATH(p, path);
	if (!path[0] && flags & AT_EMPTY_PATH && dirfd != AT_FDCWD) {
		struct file *f = fd_file((u32)dirfd);
		if (!f)
			return -EBADF;
		stat_file(f, st);
		return 0;
	}
	/* An empty path without the flag is an error of the walk: ENOENT. */
	if (path[0] || !(flags & AT_EMPTY_PATH)) {
		i64 r = walk(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), &v);
		if (r)
			return r;
	}
	vnode_stat(v, st);
	return 0;
}

/* The guest's struct stat is the kernel's own (<asm/stat.h>). */
static i64 give(u64 out, i64 r, struct stat *st) { return r ? r : to_user(out, st, sizeof *st); }

/* stat(2), fstatat(2). */
i64 sys_newfstatat(u64 fd, u64 p, u64 out, u64 flags)
{
	struct stat st;
	return give(out, stat_at((int)fd, p, flags, &st), &st);
}

i64 sys_stat(u64 p, u64 out) { return sys_newfstatat(AT_FDCWD, p, out, 0); }
i64 sys_lstat(u64 p, u64 out) { return sys_newfstatat(AT_FDCWD, p, out, AT_SYMLINK_NOFOLLOW); }

/* fstat(2) */
i64 sys_fstat(u64 fd, u64 out)
{
	struct stat st;
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	stat_file(f, &st);
	return give(out, 0, &st);
}

/* statx(2): seconds and nanoseconds. */
static struct statx_timestamp stamp(u64 sec, u64 ns)
{
	return (struct statx_timestamp){ .tv_sec = sec, .tv_nsec = ns };
}

/* All basic fields are told, whichever were asked for. A birth is not kept: the last change stands
 * for it. */
i64 sys_statx(u64 fd, u64 p, u64 flags, u64 mask, u64 out)
{
	struct stat st;
	/* statx(2) without a path is refused before Linux 6.11. */
	i64 r = p ? stat_at((int)fd, p, flags, &st) : -EFAULT;
	(void)mask;
	if (r)
		return r;
	struct statx x = {
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = PAGE,
		.stx_nlink = st.st_nlink,
		.stx_uid = st.st_uid,
		.stx_gid = st.st_gid,
		.stx_mode = st.st_mode,
		.stx_ino = st.st_ino,
		.stx_size = st.st_size,
		.stx_blocks = st.st_blocks,
		.stx_atime = stamp(st.st_atime, st.st_atime_nsec),
		.stx_btime = stamp(st.st_ctime, st.st_ctime_nsec),
		.stx_ctime = stamp(st.st_ctime, st.st_ctime_nsec),
		.stx_mtime = stamp(st.st_mtime, st.st_mtime_nsec),
		.stx_rdev_major = st.st_rdev >> 8, /* makedev(3), for small numbers */
		.stx_rdev_minor = st.st_rdev & 255,
		.stx_dev_minor = st.st_dev,
	};
	return to_user(out, &x, sizeof x);
}

/* access(2) as root: everything may be done but writing to the image and executing what nobody may
 * execute. */
i64 sys_faccessat(u64 fd, u64 p, u64 mode)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk((int)fd, path, 1, &v);
	if (r)
		return r;
	/* All but the image can be written as root. */
	if (mode & W_OK && v.fs == FS_IMAGE)
		return -EROFS;
	/* Root executes what anybody may execute. */
	if (mode & X_OK && vnode_is(v, S_IFREG) && !(vnode_mode(v) & 0111))
		return -EACCES;
	return 0;
}

i64 sys_access(u64 p, u64 mode) { return sys_faccessat(AT_FDCWD, p, mode); }

/* readlink(2): the target is not terminated, and is cut to the buffer. */
i64 sys_readlinkat(u64 fd, u64 p, u64 buf, u64 n)
{
	struct vnode v;
	char target[PATH_MAX];
	PATH(p, path);
	i64 r = walk((int)fd, path, 0, &v);
	if (r)
		return r;
	/* readlink(2): EINVAL for a size that is not positive. */
	if ((i64)n <= 0)
		return -EINVAL;
	r = vnode_readlink(v, target, MIN(n, sizeof target));
	return r < 0 ? r : to_user(buf, target, r) ? -EFAULT : r;
}

i64 sys_readlink(u64 p, u64 buf, u64 n) { return sys_readlinkat(AT_FDCWD, p, buf, n); }
