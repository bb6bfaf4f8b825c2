/* dirs.c: the calls that change the tree: directories, rename, link, unlink, owner, mode, times, and the working directory. */
#include "fs/names.h"
#include "fs/notify.h"

i64 sys_getdents64(u64 fd, u64 buf, u64 n)
{
	struct file *f = fd_file(fd);
	u64 done = 0;
	if (!f)
		return -EBADF;
	if (f->kind != K_DIR)
		return -ENOTDIR;
	for (;;) {
		struct { u64 ino, off; u16 reclen; u8 type; char name[257]; } __attribute__((packed)) d;
		const char *name;
		u32 len;
		u64 pos = f->pos, ino;
		u8 type;
		if (!vnode_entry((struct vnode){ f->fs, f->node }, &pos, &name, &len, &ino, &type)) {
			if (watched() && f->fs == FS_TMP)
				notify_file(f->node, IN_ACCESS);
			return done;
		}
		d.ino = ino, d.type = type, d.off = pos;
		d.reclen = (19 + len + 1 + 7) & ~7u;
		if (done + d.reclen > n)
			return done ? (i64)done : -EINVAL;
		memset(d.name, 0, sizeof d.name);
		memcpy(d.name, name, len);
		if (to_user(buf + done, &d, d.reclen))
			return -EFAULT;
		done += d.reclen;
		f->pos = pos;
	}
}

i64 sys_getcwd(u64 buf, u64 n)
{
	char path[PATH_MAX];
	i64 r = vnode_path(S->cwd, path, MIN(n, sizeof path));
	return r < 0 ? r : to_user(buf, path, r + 1) ? -EFAULT : r + 1;
}

/* The working directory is held like an open file: it may be removed, but its number is not used again meanwhile. */
static i64 set_cwd(struct vnode v)
{
	struct vnode old = S->cwd;
	if (v.fs == FS_TMP)
		S->inodes[v.id].refs++;
	S->cwd = v;
	if (old.fs == FS_TMP)
		tmp_put(old.id);
	return 0;
}

i64 sys_chdir(u64 p)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r)
		return r;
	if ((vnode_mode(v) & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	return set_cwd(v);
}

i64 sys_fchdir(u64 fd)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (f->kind != K_DIR)
		return -ENOTDIR;
	return set_cwd((struct vnode){ f->fs, f->node });
}

/* The directory that would list a new or dying name; all but tmpfs are read-only. */
static i64 writable_parent(int dirfd, const char *path, struct vnode *dir, char *name)
{
	struct vnode v;
	i64 r = walk_parent(dirfd, path, dir, name);
	if (r)
		return r;
	if (!name[0])
		return -EBUSY;
	if (streq(name, ".") || streq(name, ".."))
		return -EINVAL;
	if (dir->fs != FS_TMP)
		return lookup(*dir, name, strlen(name), &v) == 0 && v.fs != dir->fs ? -EBUSY : -EROFS;
	return 0;
}

i64 tmp_mksock(const char *path)
{
	struct vnode dir, v;
	char name[256];
	if (!walk(AT_FDCWD, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent(AT_FDCWD, path, &dir, name);
	r = r ? r : tmp_create(dir.id, name, S_IFSOCK | 0755);
	return MIN(r, 0);
}

i64 sys_mkdirat(u64 fd, u64 p, u64 mode)
{
	struct vnode dir, v;
	char name[256];
	PATH(p, path);
	if (!walk((int)fd, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent((int)fd, path, &dir, name);
	r = r ? r : tmp_create(dir.id, name, S_IFDIR | (mode & 01777 & ~S->umask));
	return MIN(r, 0);
}

i64 sys_mkdir(u64 p, u64 mode) { return sys_mkdirat(AT_FDCWD, p, mode); }

/* Pipes and plain files; devices are for who has CAP_MKNOD. */
i64 sys_mknodat(u64 fd, u64 p, u64 mode)
{
	struct vnode dir, v;
	char name[256];
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

i64 sys_unlinkat(u64 fd, u64 p, u64 flags)
{
	struct vnode dir, v;
	char name[256];
	PATH(p, path);
	i64 r = walk((int)fd, path, 0, &v);
	r = r ? r : writable_parent((int)fd, path, &dir, name);
	return r ? r : tmp_unlink(dir.id, name, !!(flags & 0x200));
}

i64 sys_unlink(u64 p) { return sys_unlinkat(AT_FDCWD, p, 0); }
i64 sys_rmdir(u64 p) { return sys_unlinkat(AT_FDCWD, p, 0x200); }

i64 sys_renameat2(u64 fd, u64 p, u64 fd2, u64 p2, u64 flags)
{
	struct vnode a, b;
	char from[256], to[256];
	PATH(p, path);
	PATH(p2, path2);
	i64 r = writable_parent((int)fd, path, &a, from);
	r = r ? r : writable_parent((int)fd2, path2, &b, to);
	return r ? r : tmp_rename(a.id, from, b.id, to, flags);
}

i64 sys_renameat(u64 fd, u64 p, u64 fd2, u64 p2) { return sys_renameat2(fd, p, fd2, p2, 0); }
i64 sys_rename(u64 p, u64 p2) { return sys_renameat2(AT_FDCWD, p, AT_FDCWD, p2, 0); }

i64 sys_symlinkat(u64 t, u64 fd, u64 p)
{
	struct vnode dir, v;
	char name[256];
	PATH(t, target);
	PATH(p, path);
	if (!walk((int)fd, path, 0, &v))
		return -EEXIST;
	i64 r = writable_parent((int)fd, path, &dir, name);
	return r ? r : tmp_symlink(dir.id, name, target);
}

i64 sys_symlink(u64 t, u64 p) { return sys_symlinkat(t, AT_FDCWD, p); }

i64 sys_linkat(u64 fd, u64 p, u64 fd2, u64 p2, u64 flags)
{
	struct vnode v, dir, w;
	char name[256];
	PATH(p, path);
	PATH(p2, path2);
	i64 r = walk((int)fd, path, !!(flags & 0x400), &v);
	if (r)
		return r;
	if (!walk((int)fd2, path2, 0, &w))
		return -EEXIST;
	r = writable_parent((int)fd2, path2, &dir, name);
	if (r)
		return r;
	if (v.fs != FS_TMP)
		return -EXDEV;
	if ((vnode_mode(v) & S_IFMT) == S_IFDIR)
		return -EPERM;
	return tmp_link(dir.id, name, v.id);
}

i64 sys_link(u64 p, u64 p2) { return sys_linkat(AT_FDCWD, p, AT_FDCWD, p2, 0); }

/* ---- Attributes: one user, so owner and mode are only remembered ---- */

static i64 change(struct vnode v, i64 mode, i64 uid, i64 gid)
{
	if (v.fs != FS_TMP)
		return v.fs == FS_IMAGE ? -EROFS : -EPERM;
	struct inode *n = &S->inodes[v.id];
	if (mode >= 0)
		n->mode = (n->mode & S_IFMT) | (mode & 07777);
	if (uid != -1)
		n->uid = uid;
	if (gid != -1)
		n->gid = gid;
	n->ctime = now_real();
	if (watched())
		notify_file(v.id, IN_ATTRIB);
	return 0;
}

static i64 change_path(int fd, u64 p, int follow, i64 mode, i64 uid, i64 gid)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(fd, path[0] ? path : NULL, follow, &v);
	return r ? r : change(v, mode, uid, gid);
}

static i64 change_fd(u64 fd, i64 mode, i64 uid, i64 gid)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	return f->kind == K_FILE || f->kind == K_DIR ? change((struct vnode){ f->fs, f->node }, mode, uid, gid) : 0;
}

i64 sys_chmod(u64 p, u64 m) { return change_path(AT_FDCWD, p, 1, m & 07777, -1, -1); }
i64 sys_fchmodat(u64 fd, u64 p, u64 m) { return change_path((int)fd, p, 1, m & 07777, -1, -1); }
i64 sys_fchmod(u64 fd, u64 m) { return change_fd(fd, m & 07777, -1, -1); }
i64 sys_chown(u64 p, u64 u, u64 g) { return change_path(AT_FDCWD, p, 1, -1, (i32)u, (i32)g); }
i64 sys_lchown(u64 p, u64 u, u64 g) { return change_path(AT_FDCWD, p, 0, -1, (i32)u, (i32)g); }
i64 sys_fchownat(u64 fd, u64 p, u64 u, u64 g, u64 fl) { return change_path((int)fd, p, !(fl & AT_NOFOLLOW), -1, (i32)u, (i32)g); }
i64 sys_fchown(u64 fd, u64 u, u64 g) { return change_fd(fd, -1, (i32)u, (i32)g); }

i64 sys_utimensat(u64 fd, u64 p, u64 times, u64 flags)
{
	struct vnode v;
	i64 ts[4], r;
	int set = 3; /* bit 0: atime, bit 1: mtime */
	if (p) {
		PATH(p, path);
		r = walk((int)fd, path, !(flags & AT_NOFOLLOW), &v);
	} else {
		r = walk((int)fd, NULL, 0, &v);
	}
	if (r)
		return r;
	if (v.fs != FS_TMP)
		return -EROFS;
	if (times && from_user(ts, times, sizeof ts))
		return -EFAULT;
	u64 *at[2] = { &S->inodes[v.id].atime, &S->inodes[v.id].mtime };
	for (int i = 0; i < 2; i++) {
		if (!times || ts[2 * i + 1] == 0x3fffffff)
			*at[i] = now_real();
		else if (ts[2 * i + 1] != 0x3ffffffe)
			*at[i] = ts[2 * i] * 1000000000 + ts[2 * i + 1];
		else
			set &= ~(1 << i);
	}
	static const u32 events[4] = { 0, IN_ACCESS, IN_MODIFY, IN_ATTRIB };
	if (watched() && set)
		notify_file(v.id, events[set]);
	return 0;
}

i64 sys_ftruncate(u64 fd, u64 size)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if ((i64)size < 0 || f->kind != K_FILE || f->fs != FS_TMP || !(f->flags & O_ACCMODE))
		return -EINVAL;
	return tmp_resize(f->node, size);
}

i64 sys_truncate(u64 p, u64 size)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r)
		return r;
	if (v.fs != FS_TMP)
		return -EROFS;
	if ((vnode_mode(v) & S_IFMT) != S_IFREG)
		return -EISDIR;
	return (i64)size < 0 ? -EINVAL : tmp_resize(v.id, size);
}

i64 sys_fallocate(u64 fd, u64 mode, u64 off, u64 len)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	if (f->kind != K_FILE || f->fs != FS_TMP)
		return -ENODEV;
	if (mode)
		return -EOPNOTSUPP;
	return off + len > S->inodes[f->node].size ? tmp_resize(f->node, off + len) : 0;
}

i64 sys_fsync(u64 fd) { return fd_file(fd) ? 0 : -EBADF; }

i64 sys_umask(u64 m)
{
	u32 old = S->umask;
	S->umask = m & 0777;
	return old;
}

static i64 give_statfs(u64 out, u32 fs)
{
	u64 total = (HOST->mem_limit ? HOST->mem_limit : 8ull << 30) / PAGE, used = MIN(S->pub.committed / PAGE, total);
	u64 b[15] = { fs == FS_IMAGE ? 0xef53 : fs == FS_TMP ? 0x01021994 : 0x9fa0, PAGE, total, total - used, total - used,
		      MAX_INODES, MAX_INODES / 2, 0, 255, PAGE, 0 };
	return to_user(out, b, sizeof b);
}

i64 sys_statfs(u64 p, u64 out)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk(AT_FDCWD, path, 1, &v);
	return r ? r : give_statfs(out, v.fs);
}

i64 sys_fstatfs(u64 fd, u64 out)
{
	struct file *f = fd_file(fd);
	return f ? give_statfs(out, f->fs) : -EBADF;
}
