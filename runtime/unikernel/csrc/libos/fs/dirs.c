/*
 * dirs.c: the calls that list and change the tree: getdents64(2), mkdir(2), mknod(2), unlink(2),
 * rename(2), link(2), symlink(2), chdir(2).
 *
 * Names can be made and removed in tmpfs alone. Every such call first finds the directory that
 * lists the name (writable_parent) and then leaves the rest to tmpfs.c, which also tells inotify.
 * An error is the one that Linux has for the same order of checks: a name that exists before a file
 * system that is read-only.
 */
#include "base/state.h"
#include "fs/dirs.h"
#include "fs/notify.h"

/* getdents64(2). Each entry is told with the position behind it, at which a later call goes on. An
 * entry that does not fit is told by the next call. */
i64 sys_getdents64(u64 fd, u64 buf, u64 n)
{
	struct file *f = fd_file(fd);
	u64 done = 0;
	if (!f)
		return -EBADF;
	if (f->ops != &directory_ops)
		return -ENOTDIR;
	for (;;) {
		/* struct linux_dirent64 of getdents64(2). */
		struct {
			u64 ino, off;
			u16 reclen;
			u8 type;
			char name[261]; /* the longest of 255 bytes, a zero, and up to the next multiple of 8 */
		} __attribute__((packed)) d;
		const char *name;
		u32 len;
		u64 pos = f->pos, ino;
		u8 type;
		/* A listing that has come to its end is an access to the directory: inotify(7). */
		if (!vnode_entry((struct vnode){ f->fs, f->node }, &pos, &name, &len, &ino, &type)) {
			if (f->fs == FS_TMP)
				notify_file(f->node, IN_ACCESS);
			return done;
		}
		d.ino = ino, d.type = type, d.off = pos;
		/* 19 bytes in front of the name, its terminating zero, and up to the next multiple of 8. */
		d.reclen = (19 + len + 1 + 7) & ~7u;
		if (done + d.reclen > n)
			return done ? (i64)done : -EINVAL;
		/* The guest sees what fills up the entry. */
		memset(d.name, 0, sizeof d.name);
		memcpy(d.name, name, len);
		if (to_user(buf + done, &d, d.reclen))
			return done ? (i64)done : -EFAULT; /* what was told is not told again */
		done += d.reclen;
		f->pos = pos;
	}
}

/* The system call says the length with the terminating zero, unlike the function of the C library. */
i64 sys_getcwd(u64 buf, u64 n)
{
	char path[PATH_MAX];
	/* getcwd(2): a directory that was removed has no path, ENOENT. */
	i64 r = vnode_path(S->cwd, path, MIN(n, sizeof path));
	return r < 0 ? r : to_user(buf, path, r + 1) ? -EFAULT : r + 1;
}

/* The working directory is held like an open file: its number is not used again meanwhile. It may
 * be removed while a process stands in it. */
static i64 set_cwd(struct vnode v)
{
	struct vnode old = S->cwd;
	/* The new directory's reference comes before the old one goes: the two may be the same inode. */
	if (v.fs == FS_TMP)
		S->inodes[v.id].refs++;
	S->cwd = v;
	if (old.fs == FS_TMP)
		tmp_put(old.id);
	return 0;
}

/* chdir(2) */
i64 sys_chdir(u64 p)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r)
		return r;
	if (!vnode_is(v, S_IFDIR))
		return -ENOTDIR;
	return set_cwd(v);
}

/* fchdir(2) */
i64 sys_fchdir(u64 fd)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (f->ops != &directory_ops)
		return -ENOTDIR;
	return set_cwd((struct vnode){ f->fs, f->node });
}

/* The directory that would list a new or dying name; all but tmpfs are read-only. 0, or the error
 * of a call that makes or removes the name path. */
static i64 writable_parent(int dirfd, const char *path, struct vnode *dir, char *name)
{
	struct vnode v;
	i64 r = walk_parent(dirfd, path, dir, name);
	if (r)
		return r;
	/* The root, or the root of a mount: somebody lives in it. */
	if (!name[0])
		return -EBUSY;
	/* rmdir(2), rename(2): the last component must be a name. */
	if (streq(name, ".") || streq(name, ".."))
		return -EINVAL;
	/* A mount point is busy; in all other directories nothing can be changed. */
	if (dir->fs != FS_TMP)
		return lookup(*dir, name, strlen(name), &v) == 0 && v.fs != dir->fs ? -EBUSY : -EROFS;
	return 0;
}

/* bind(2) makes a file that path lookups find; the socket itself is found by its name (socket.c). */
i64 make_socket(const char *path)
{
	struct vnode dir, v;
	char name[NAME_SIZE];
	if (!walk(AT_FDCWD, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent(AT_FDCWD, path, &dir, name);
	r = r ? r : tmp_create(dir.id, name, S_IFSOCK | 0755);
	return MIN(r, 0); /* tmp_create's result is the number of an inode */
}

/* mkdir(2). A name that is a symbolic link exists, wherever it leads. */
i64 sys_mkdirat(u64 fd, u64 p, u64 mode)
{
	struct vnode dir, v;
	char name[NAME_SIZE];
	PATH(p, path);
	if (!walk((int)fd, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent((int)fd, path, &dir, name);
	/* The kernel's vfs_mkdir takes the permissions and the sticky bit of mode, and no other bits. */
	r = r ? r : tmp_create(dir.id, name, S_IFDIR | (mode & 01777 & ~S->umask));
	return MIN(r, 0);
}

i64 sys_mkdir(u64 p, u64 mode) { return sys_mkdirat(AT_FDCWD, p, mode); }

/* Pipes and plain files; devices are for who has CAP_MKNOD. mknod(2). A socket without a listener
 * is a name and no more. */
i64 sys_mknodat(u64 fd, u64 p, u64 mode)
{
	struct vnode dir, v;
	char name[NAME_SIZE];
	/* mknod(2): no type means a regular file. */
	u32 type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
	PATH(p, path);
	if (type != S_IFIFO && type != S_IFREG && type != S_IFSOCK)
		return -EPERM;
	if (!walk((int)fd, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent((int)fd, path, &dir, name);
	r = r ? r : tmp_create(dir.id, name, type | (mode & 07777 & ~S->umask));
	return MIN(r, 0);
}

i64 sys_mknod(u64 p, u64 mode) { return sys_mknodat(AT_FDCWD, p, mode); }

/* unlink(2), rmdir(2). What is open lives on until it is closed (inode.refs). */
i64 sys_unlinkat(u64 fd, u64 p, u64 flags)
{
	struct vnode dir, v;
	char name[NAME_SIZE];
	PATH(p, path);
	/* A name that does not exist is ENOENT even where nothing can be removed (EROFS). */
	i64 r = walk((int)fd, path, 0, &v);
	r = r ? r : writable_parent((int)fd, path, &dir, name);
	return r ? r : tmp_unlink(dir.id, name, !!(flags & AT_REMOVEDIR));
}

i64 sys_unlink(u64 p) { return sys_unlinkat(AT_FDCWD, p, 0); }
i64 sys_rmdir(u64 p) { return sys_unlinkat(AT_FDCWD, p, AT_REMOVEDIR); }

/* rename(2). Both directories must be tmpfs; nothing moves from the image. */
i64 sys_renameat2(u64 fd, u64 p, u64 fd2, u64 p2, u64 flags)
{
	struct vnode a, b;
	char from[NAME_SIZE], to[NAME_SIZE];
	PATH(p, path);
	PATH(p2, path2);
	i64 r = writable_parent((int)fd, path, &a, from);
	r = r ? r : writable_parent((int)fd2, path2, &b, to);
	return r ? r : tmp_rename(a.id, from, b.id, to, flags);
}

/* rename(2) replaces what is there. */
i64 sys_renameat(u64 fd, u64 p, u64 fd2, u64 p2) { return sys_renameat2(fd, p, fd2, p2, 0); }
i64 sys_rename(u64 p, u64 p2) { return sys_renameat2(AT_FDCWD, p, AT_FDCWD, p2, 0); }

/* symlink(2): the target may be anything; it is resolved when somebody follows it. */
i64 sys_symlinkat(u64 t, u64 fd, u64 p)
{
	struct vnode dir, v;
	char name[NAME_SIZE];
	PATH(t, target);
	PATH(p, path);
	if (!walk((int)fd, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent((int)fd, path, &dir, name);
	return r ? r : tmp_symlink(dir.id, name, target);
}

i64 sys_symlink(u64 t, u64 p) { return sys_symlinkat(t, AT_FDCWD, p); }

/* link(2). Without AT_SYMLINK_FOLLOW the link itself gets a second name. */
i64 sys_linkat(u64 fd, u64 p, u64 fd2, u64 p2, u64 flags)
{
	struct vnode v, dir, w;
	char name[NAME_SIZE];
	PATH(p, path);
	PATH(p2, path2);
	i64 r = walk((int)fd, path, !!(flags & AT_SYMLINK_FOLLOW), &v);
	if (r)
		return r;
	if (!walk((int)fd2, path2, 0, &w))
		return -EEXIST;
	r = writable_parent((int)fd2, path2, &dir, name);
	if (r)
		return r;
	/* link(2), EXDEV: a hard link does not leave its file system. */
	if (v.fs != FS_TMP)
		return -EXDEV;
	/* link(2): the tree stays a tree. */
	if (vnode_is(v, S_IFDIR))
		return -EPERM;
	return tmp_link(dir.id, name, v.id);
}

i64 sys_link(u64 p, u64 p2) { return sys_linkat(AT_FDCWD, p, AT_FDCWD, p2, 0); }
