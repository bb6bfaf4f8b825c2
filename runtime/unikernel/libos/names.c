/* names.c: the calls that take a path: open, stat, mkdir, rename, unlink and their at-forms. */
#include "image.h"
#include "tmpfs.h"
#include "synth.h"

#define PATH_MAX 4096
#define AT_FDCWD (-100)
#define AT_NOFOLLOW 0x100
#define AT_EMPTY 0x1000

#define PATH(p, name) \
	char name[PATH_MAX]; \
	{ i64 e_ = string_user(name, p, PATH_MAX); if (e_ < 0) return e_; }

/* ---- open ---- */

static i64 open_node(struct vnode v, u32 flags)
{
	u32 type = vnode_mode(v) & S_IFMT;
	int write = flags & (O_ACCMODE | O_TRUNC);
	if (flags & O_DIRECTORY && type != S_IFDIR)
		return -ENOTDIR;
	if (type == S_IFLNK && !(flags & O_PATH))
		return -ELOOP;
	if (type == S_IFDIR && write && !(flags & O_PATH))
		return -EISDIR;
	if (v.fs == FS_IMAGE && write && type == S_IFREG && !(flags & O_PATH))
		return -EROFS;
	i64 i;
	if (v.fs == FS_SYNTH && type != S_IFDIR && !(flags & O_PATH))
		return synth_open(v.id, flags);
	i = file_new(type == S_IFDIR ? K_DIR : K_FILE, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOFOLLOW), NULL);
	if (i < 0)
		return i;
	S->files[i].fs = v.fs, S->files[i].node = v.id;
	if (v.fs == FS_TMP) {
		S->inodes[v.id].refs++;
		if (flags & O_TRUNC && type == S_IFREG)
			tmp_resize(v.id, 0);
	}
	return i;
}

static i64 create(int dirfd, const char *path, u32 flags, u32 mode)
{
	struct vnode dir, v;
	char name[256];
	i64 r = walk_parent(dirfd, path, &dir, name);
	if (r)
		return r;
	if (!name[0])
		return -EISDIR;
	r = lookup(dir, name, strlen(name), &v);
	if (!r) {
		if (flags & O_EXCL)
			return -EEXIST;
		r = walk(dirfd, path, !(flags & O_NOFOLLOW), &v);
		return r ? r : open_node(v, flags);
	}
	if (r != -ENOENT)
		return r;
	if (dir.fs != FS_TMP)
		return dir.fs == FS_IMAGE ? -EROFS : -ENOENT;
	r = tmp_create(dir.id, name, S_IFREG | (mode & 07777 & ~S->umask));
	return r < 0 ? r : open_node((struct vnode){ FS_TMP, r }, flags & ~O_TRUNC);
}

static i64 do_open(int dirfd, u64 p, u32 flags, u32 mode)
{
	struct vnode v;
	PATH(p, path);
	i64 r;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (flags & O_CREAT) {
		r = create(dirfd, path, flags, mode);
	} else {
		r = walk(dirfd, path, !(flags & O_NOFOLLOW), &v);
		r = r ? r : open_node(v, flags);
	}
	return fd_install(r, !!(flags & O_CLOEXEC));
}

i64 sys_open(u64 p, u64 flags, u64 mode) { return do_open(AT_FDCWD, p, flags, mode); }
i64 sys_openat(u64 fd, u64 p, u64 flags, u64 mode) { return do_open((int)fd, p, flags, mode); }
i64 sys_creat(u64 p, u64 mode) { return do_open(AT_FDCWD, p, O_CREAT | O_TRUNC | O_WRONLY, mode); }

/* ---- stat ---- */

struct kstat {
	u64 dev, ino, nlink;
	u32 mode, uid, gid, pad;
	u64 rdev;
	i64 size, blksize, blocks;
	u64 atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	u64 unused[3];
};
_Static_assert(sizeof(struct kstat) == 144, "struct stat");

static void stat_node(struct vnode v, struct kstat *k)
{
	*k = (struct kstat){ .dev = 1 + v.fs, .ino = vnode_ino(v), .nlink = 1, .mode = vnode_mode(v), .blksize = 4096 };
	if (v.fs == FS_IMAGE) {
		const struct uci_inode *n = image_inode(v.id);
		k->size = (n->mode & S_IFMT) == S_IFDIR ? 4096 : (i64)n->size;
		k->mtime = k->ctime = k->atime = n->mtime;
	} else if (v.fs == FS_TMP) {
		struct inode *n = &S->inodes[v.id];
		k->size = n->size, k->nlink = n->nlink, k->uid = n->uid, k->gid = n->gid;
		k->mtime = n->mtime / 1000000000, k->mtime_ns = n->mtime % 1000000000;
		k->ctime = n->ctime / 1000000000, k->ctime_ns = n->ctime % 1000000000;
		k->atime = n->atime / 1000000000, k->atime_ns = n->atime % 1000000000;
	} else {
		k->rdev = (k->mode & S_IFMT) == S_IFCHR ? 0x100 | (v.id & 255) : 0;
	}
	k->blocks = (k->size + 511) / 512;
}

static void stat_file(struct file *f, struct kstat *k)
{
	if (f->kind == K_FILE || f->kind == K_DIR || f->kind == K_TEXT) {
		stat_node((struct vnode){ f->fs, f->node }, k);
		return;
	}
	u32 mode = f->kind == K_PIPE_R || f->kind == K_PIPE_W ? S_IFIFO | 0600 :
		   f->kind == K_SOCKET || f->kind == K_CHANNEL ? S_IFSOCK | 0777 :
		   f->kind <= K_RANDOM || f->kind == K_CONSOLE ? S_IFCHR | 0666 : 0600;
	*k = (struct kstat){ .dev = 9, .ino = f->serial, .nlink = 1, .mode = mode, .blksize = 4096,
			     .rdev = (mode & S_IFMT) == S_IFCHR ? 0x100 + f->kind : 0 };
}

static i64 stat_at(int dirfd, u64 p, u32 flags, struct kstat *k)
{
	struct vnode v;
	struct file *f;
	PATH(p, path);
	if (!path[0] && flags & AT_EMPTY) {
		if (dirfd != AT_FDCWD) {
			f = fd_file((u32)dirfd);
			if (!f)
				return -EBADF;
			stat_file(f, k);
			return 0;
		}
		stat_node(S->cwd, k);
		return 0;
	}
	i64 r = walk(dirfd, path, !(flags & AT_NOFOLLOW), &v);
	if (r)
		return r;
	stat_node(v, k);
	return 0;
}

static i64 give(u64 out, i64 r, struct kstat *k) { return r ? r : to_user(out, k, sizeof *k); }

i64 sys_newfstatat(u64 fd, u64 p, u64 out, u64 flags) { struct kstat k; return give(out, stat_at((int)fd, p, flags, &k), &k); }
i64 sys_stat(u64 p, u64 out) { return sys_newfstatat(AT_FDCWD, p, out, 0); }
i64 sys_lstat(u64 p, u64 out) { return sys_newfstatat(AT_FDCWD, p, out, AT_NOFOLLOW); }

i64 sys_fstat(u64 fd, u64 out)
{
	struct kstat k;
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	stat_file(f, &k);
	return give(out, 0, &k);
}

i64 sys_statx(u64 fd, u64 p, u64 flags, u64 mask, u64 out)
{
	struct kstat k;
	i64 r = p ? stat_at((int)fd, p, flags, &k) : -EFAULT;
	(void)mask;
	if (r)
		return r;
	struct ts { i64 sec; u32 ns; i32 pad; };
	struct { u32 mask, blksize; u64 attr; u32 nlink, uid, gid; u16 mode, pad; u64 ino, size, blocks, attr_mask;
		 struct ts a, b, c, m; u32 rdev[2], dev[2]; u64 more[14]; } x = {
		0x7ff, 4096, 0, k.nlink, k.uid, k.gid, k.mode, 0, k.ino, k.size, k.blocks, 0,
		{ k.atime, k.atime_ns, 0 }, { k.ctime, k.ctime_ns, 0 }, { k.ctime, k.ctime_ns, 0 }, { k.mtime, k.mtime_ns, 0 },
		{ k.rdev >> 8, k.rdev & 255 }, { 0, k.dev }, { 0 } };
	_Static_assert(sizeof x == 256, "struct statx");
	return to_user(out, &x, sizeof x);
}

i64 sys_faccessat(u64 fd, u64 p, u64 mode)
{
	struct vnode v;
	PATH(p, path);
	i64 r = walk((int)fd, path, 1, &v);
	if (r)
		return r;
	if (mode & 2 && v.fs == FS_IMAGE)
		return -EROFS;
	if (mode & 1 && (vnode_mode(v) & S_IFMT) == S_IFREG && !(vnode_mode(v) & 0111))
		return -EACCES;
	return 0;
}

i64 sys_access(u64 p, u64 mode) { return sys_faccessat(AT_FDCWD, p, mode); }

i64 sys_readlinkat(u64 fd, u64 p, u64 buf, u64 n)
{
	struct vnode v;
	char target[PATH_MAX];
	PATH(p, path);
	i64 r = walk((int)fd, path, 0, &v);
	if (r)
		return r;
	if ((i64)n <= 0)
		return -EINVAL;
	r = vnode_readlink(v, target, MIN(n, sizeof target));
	return r < 0 ? r : to_user(buf, target, r) ? -EFAULT : r;
}

i64 sys_readlink(u64 p, u64 buf, u64 n) { return sys_readlinkat(AT_FDCWD, p, buf, n); }

/* ---- Directories ---- */

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
		if (!vnode_entry((struct vnode){ f->fs, f->node }, &pos, &name, &len, &ino, &type))
			return done;
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

i64 sys_mknodat(u64 fd, u64 p, u64 mode)
{
	(void)fd, (void)p, (void)mode;
	return -EPERM;
}

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
	if (uid >= 0)
		n->uid = uid;
	if (gid >= 0)
		n->gid = gid;
	n->ctime = now_real();
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
	}
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
