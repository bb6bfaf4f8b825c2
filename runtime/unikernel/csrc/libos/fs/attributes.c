/*
 * attributes.c: mode, owner, times and size of files, and of file systems: chmod(2), chown(2),
 * utimensat(2), truncate(2), fallocate(2), statfs(2), umask(2).
 *
 * There is one user, root of its own little world, so mode and owner are only remembered: packages
 * check that what they set reads back. Size is memory. A file system's size is the guest's memory
 * limit, because tmpfs lives on it; a program that looks whether there is room gets the truth.
 */
#include "base/state.h"
#include "fs/notify.h"
#include "host/clock.h"

/* A value of -1 leaves that attribute alone, as chown(2) has it. */
static i64 change(struct vnode v, i64 mode, i64 uid, i64 gid)
{
	if (v.fs != FS_TMP)
		return v.fs == FS_IMAGE ? -EROFS : -EPERM; /* chmod(2): the synthetic trees have fixed modes */
	struct inode *n = &S->inodes[v.id];
	if (mode >= 0)
		n->mode = (n->mode & S_IFMT) | (mode & 07777);
	if (uid != -1)
		n->uid = uid;
	if (gid != -1)
		n->gid = gid;
	/* The inode has changed, its content has not: stat(2), st_ctime. */
	n->ctime = now_real();
	notify_file(v.id, IN_ATTRIB);
	return 0;
}

/* An empty path means the descriptor itself (AT_EMPTY_PATH): fchownat(2). */
static i64 change_path(int fd, u64 p, int follow, i64 mode, i64 uid, i64 gid)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(fd, path[0] ? path : NULL, follow, &v);
	return r ? r : change(v, mode, uid, gid);
}

/* Files that no path leads to have nothing to remember: the call succeeds, as for root. */
static i64 change_fd(u64 fd, i64 mode, i64 uid, i64 gid)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	return f->ops == &regular_ops || f->ops == &directory_ops ? change((struct vnode){ f->fs, f->node }, mode, uid, gid)
															  : 0;
}

/* chmod(2), chown(2) and their at-forms. The file-type bits are not the caller's to change. */
i64 sys_chmod(u64 p, u64 m) { return change_path(AT_FDCWD, p, 1, m & 07777, -1, -1); }
i64 sys_fchmodat(u64 fd, u64 p, u64 m) { return change_path((int)fd, p, 1, m & 07777, -1, -1); }
i64 sys_fchmod(u64 fd, u64 m) { return change_fd(fd, m & 07777, -1, -1); }
/* uid_t has 32 bits: by way of i32 its -1 stays -1. */
i64 sys_chown(u64 p, u64 u, u64 g) { return change_path(AT_FDCWD, p, 1, -1, (i32)u, (i32)g); }
i64 sys_lchown(u64 p, u64 u, u64 g) { return change_path(AT_FDCWD, p, 0, -1, (i32)u, (i32)g); }
i64 sys_fchownat(u64 fd, u64 p, u64 u, u64 g, u64 fl)
{
	return change_path((int)fd, p, !(fl & AT_SYMLINK_NOFOLLOW), -1, (i32)u, (i32)g);
}
i64 sys_fchown(u64 fd, u64 u, u64 g) { return change_fd(fd, -1, (i32)u, (i32)g); }

/* utimensat(2). No path means the descriptor itself; no times mean now. The event that inotify sees
 * says which of the two was set. */
i64 sys_utimensat(u64 fd, u64 p, u64 times, u64 flags)
{
	struct vnode v;
	struct ts ts[2]; /* the access time first */
	i64 r;
	int set = 3; /* bit 0: atime, bit 1: mtime */
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (p) {
		PATH(p, path);
		r = walk((int)fd, path, !(flags & AT_SYMLINK_NOFOLLOW), &v);
	} else {
		r = walk((int)fd, NULL, 0, &v);
	}
	if (r)
		return r;
	if (v.fs != FS_TMP)
		return -EROFS;
	if (times && from_user(ts, times, sizeof ts))
		return -EFAULT;
	for (int i = 0; times && i < 2; i++)
		if ((u64)ts[i].nsec >= SEC && ts[i].nsec != UTIME_NOW && ts[i].nsec != UTIME_OMIT)
			return -EINVAL;
	u64 *at[2] = { &S->inodes[v.id].atime, &S->inodes[v.id].mtime };
	for (int i = 0; i < 2; i++) {
		/* Each of the two times may be now, be left alone, or be a moment. */
		if (!times || ts[i].nsec == UTIME_NOW)
			*at[i] = now_real();
		else if (ts[i].nsec != UTIME_OMIT)
			*at[i] = ts[i].sec * SEC + ts[i].nsec;
		else
			set &= ~(1 << i);
	}
	/* By what was set: nothing, atime, mtime, both. */
	static const u32 events[4] = { 0, IN_ACCESS, IN_MODIFY, IN_ATTRIB };
	if (set)
		notify_file(v.id, events[set]);
	return 0;
}

/* ftruncate(2): the descriptor must be open for writing. */
i64 sys_ftruncate(u64 fd, u64 size)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	/* ftruncate(2): also for what is no regular file. */
	if ((i64)size < 0 || f->ops != &regular_ops || f->fs != FS_TMP || !(f->flags & O_ACCMODE))
		return -EINVAL;
	return tmp_resize(f->node, size);
}

/* truncate(2). A file of the image is read-only; everything else that is no regular file counts as
 * a directory. */
i64 sys_truncate(u64 p, u64 size)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r)
		return r;
	if (v.fs != FS_TMP)
		return -EROFS;
	if (!vnode_is(v, S_IFREG))
		return -EISDIR;
	return (i64)size < 0 ? -EINVAL : tmp_resize(v.id, size);
}

/* fallocate(2): space is memory, so to reserve is to grow. The other modes ask for holes, which no
 * file here has. */
i64 sys_fallocate(u64 fd, u64 mode, u64 off, u64 len)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (f->ops != &regular_ops || f->fs != FS_TMP)
		return -ENODEV;
	if (mode)
		return -EOPNOTSUPP;
	return off + len > S->inodes[f->node].size ? tmp_resize(f->node, off + len) : 0;
}

/* Memory needs no disk. */
i64 sys_fsync(u64 fd) { return fd_file(fd) ? 0 : -EBADF; }

/* umask(2): bits that new files do not get. */
i64 sys_umask(u64 m)
{
	u32 old = S->umask;
	S->umask = m & 0777;
	return old;
}

/* struct statfs: sizes are those of the memory limit, because tmpfs lives on it. Half of the inodes
 * count as free: nobody counts them. */
static i64 give_statfs(u64 out, u32 fs)
{
	u64 total = MEM_TOTAL / PAGE, used = MIN(S->pub.committed / PAGE, total);
	/* <asm/statfs.h>: type, block size, blocks, free, available, inodes, free inodes, id (two ints), longest name,
	 * fragment size, flags, four spare words. */
	u64 b[15] = { S->fs[fs]->magic, PAGE, total, total - used, total - used, MAX_INODES, MAX_INODES / 2, 0, 255, PAGE,
		0 };
	return to_user(out, b, sizeof b);
}

/* statfs(2) */
i64 sys_statfs(u64 p, u64 out)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(AT_FDCWD, path, 1, &v);
	return r ? r : give_statfs(out, v.fs);
}

/* fstatfs(2) */
i64 sys_fstatfs(u64 fd, u64 out)
{
	struct file *f = fd_file(fd);
	return f ? give_statfs(out, f->fs) : -EBADF;
}
