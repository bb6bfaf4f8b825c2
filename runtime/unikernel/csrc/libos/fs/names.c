/* names.c: the calls that open and look at what has a path: open, stat, access, readlink and their at-forms. */
#include "fs/names.h"
#include "fs/notify.h"

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
	if (v.fs == FS_TMP && type == S_IFIFO && !(flags & O_PATH))
		return fifo_open(v.id, flags);
	if (v.fs == FS_TMP && type == S_IFSOCK && !(flags & O_PATH))
		return -ENXIO;
	if (v.fs == FS_SYNTH && type != S_IFDIR && !(flags & O_PATH))
		return synth_open(v.id, flags);
	i = file_new(type == S_IFDIR ? K_DIR : K_FILE, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOFOLLOW), NULL);
	if (i < 0)
		return i;
	S->files[i].fs = v.fs, S->files[i].node = v.id;
	if (v.fs == FS_TMP) {
		S->inodes[v.id].refs++;
		if (watched() && !(flags & O_PATH))
			notify_file(v.id, IN_OPEN);
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

/* O_TMPFILE: a file in a directory that does not list it. */
static i64 unnamed(struct vnode dir, u32 flags, u32 mode)
{
	if ((vnode_mode(dir) & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	if (!(flags & O_ACCMODE))
		return -EINVAL;
	if (dir.fs != FS_TMP)
		return -EOPNOTSUPP;
	i64 r = tmp_unnamed(S_IFREG | (mode & 07777 & ~S->umask));
	return r < 0 ? r : open_node((struct vnode){ FS_TMP, r }, flags);
}

i64 sys_memfd_create(u64 name, u64 flags)
{
	enum { MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, NAME_MAX = 249 };
	char unused[NAME_MAX + 1];
	i64 r = string_user(unused, name, sizeof unused);
	if (flags & ~(u64)(MFD_CLOEXEC | MFD_ALLOW_SEALING) || r == -ENAMETOOLONG)
		return -EINVAL;
	if (r < 0)
		return r;
	r = tmp_unnamed(S_IFREG | 0777);
	r = r < 0 ? r : open_node((struct vnode){ FS_TMP, r }, O_RDWR);
	return fd_install(r, !!(flags & MFD_CLOEXEC));
}

static i64 do_open(int dirfd, u64 p, u32 flags, u32 mode)
{
	struct vnode v;
	PATH(p, path);
	i64 r;
	if (flags & __O_TMPFILE) {
		r = walk(dirfd, path, 1, &v);
		r = r ? r : unnamed(v, flags & ~O_TMPFILE, mode);
	} else if (flags & O_CREAT) {
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
