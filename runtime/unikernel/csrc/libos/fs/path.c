/*
 * path.c: from a path to a vnode, and back (path_resolution(7)).
 *
 * The root is the image; tmpfs and the synthetic trees (/dev, /proc, /sys) are mounted over
 * directories of it. What differs from one file system to the other is in its struct fs_ops, which
 * the state has by number.
 */
#include "base/state.h"

#define LINKS_MAX 40 /* symbolic links in one path: Linux's MAXSYMLINKS */
#define DEPTH_MAX 100 /* directories that vnode_path climbs: a guest can nest them deeper than a path is long */

static const struct vnode root = { FS_IMAGE, 0 };

/* Vnodes are equal by file system and number. */
static int same(struct vnode a, struct vnode b) { return a.fs == b.fs && a.id == b.id; }
/* The file system of v. */
static const struct fs_ops *ops(struct vnode v) { return S->fs[v.fs]; }

/* ---- Vnodes ---- */

/* Type and permissions: inode(7). */
u32 vnode_mode(struct vnode v) { return ops(v)->mode(v.id); }
int vnode_is(struct vnode v, u32 type) { return (vnode_mode(v) & S_IFMT) == type; }

/* Unique over all file systems; 0 would look like a removed entry. */
u64 vnode_ino(struct vnode v) { return (u64)v.fs << 40 | (v.id + 1); }

void vnode_stat(struct vnode v, struct stat *st)
{
	*st = (struct stat){
		.st_dev = 1 + v.fs, .st_ino = vnode_ino(v), .st_nlink = 1, .st_mode = vnode_mode(v), .st_blksize = PAGE
	};
	/* Size, owner and times are the file system's to say. */
	ops(v)->stat(v.id, st);
	st->st_blocks = (st->st_size + 511) / 512; /* stat(2): units of 512 bytes */
}

/* The bytes of a regular file: where they lie, and how many. -EACCES for anything else, which mmap
 * and exec pass on. */
i64 vnode_bytes(struct vnode v, const u8 **p, u64 *size)
{
	return vnode_is(v, S_IFREG) ? ops(v)->bytes(v.id, p, size) : -EACCES;
}

/* Up to cap bytes of a symbolic link's target. */
i64 vnode_readlink(struct vnode v, char *buf, u64 cap)
{
	return vnode_is(v, S_IFLNK) ? ops(v)->target(v.id, buf, cap) : -EINVAL;
}

/* The mount whose root v is. NULL: it is none's. */
static const struct mount *mounted(struct vnode v)
{
	for (u32 i = 0; i < S->nmounts; i++)
		if (same(S->mounts[i].root, v))
			return &S->mounts[i];
	return NULL;
}

/* The parent of a mount's root lies in another file system, which only the mount knows. */
static struct vnode parent_of(struct vnode v)
{
	const struct mount *m = mounted(v);
	return m ? m->parent : (struct vnode){ v.fs, ops(v)->parent(v.id) };
}

/* Names "." and ".." come first: no file system has them in its directories. */
int vnode_entry(struct vnode dir, u64 *pos, const char **name, u32 *len, u64 *ino, u8 *type)
{
	u32 id;
	if (*pos < 2) {
		struct vnode v = *pos ? parent_of(dir) : dir;
		*name = "..", *len = 1 + *pos, *ino = vnode_ino(v), *type = DT_DIR;
		++*pos;
		return 1;
	}
	u64 at = *pos - 2;
	int more = ops(dir)->entry(dir.id, &at, name, len, &id, type);
	*pos = at + 2;
	*ino = vnode_ino((struct vnode){ dir.fs, id });
	return more;
}

/* A path is built from its end: each step finds who lists the vnode, which no vnode knows by
 * itself. The path of a directory is unique. Of a file with several names it is one of them. */
i64 vnode_path(struct vnode v, char *buf, u64 cap)
{
	char tmp[PATH_MAX], *p = tmp + sizeof tmp - 1;
	*p = 0;
	for (int depth = 0; !same(v, root); depth++) {
		const struct mount *m = mounted(v);
		const char *name = m ? m->name : NULL;
		u32 len = m ? strlen(name) : 0;
		struct vnode up = m ? m->parent : (struct vnode){ v.fs, 0 };
		if (!m && !ops(v)->find(v.id, &up.id, &name, &len))
			return -ENOENT;
		/* p - tmp is what is left in front: the name, its slash and the root's. */
		if (depth > DEPTH_MAX || p - tmp < len + 2)
			return -ENAMETOOLONG;
		p -= len;
		memcpy(p, name, len);
		*--p = '/';
		v = up;
	}
	if (!*p)
		*--p = '/';
	u64 n = strlen(p);
	/* getcwd(2): ERANGE, with the terminating zero counted in. */
	if (n + 1 > cap)
		return -ERANGE;
	memcpy(buf, p, n + 1);
	return n;
}

/* ---- Paths ---- */

i64 lookup(struct vnode dir, const char *name, u64 len, struct vnode *out)
{
	if (!vnode_is(dir, S_IFDIR))
		return -ENOTDIR;
	/* path_resolution(7): every directory has these two names. No file system here lists them. */
	if (len == 1 && name[0] == '.') {
		*out = dir;
		return 0;
	}
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		*out = parent_of(dir);
		return 0;
	}
	/* A mount hides what the directory below it lists under that name. */
	for (u32 i = 0; i < S->nmounts; i++) {
		struct mount *m = &S->mounts[i];
		/* A handful of mounts, and short names: a search costs less than a flag in every directory. */
		if (same(m->parent, dir) && strlen(m->name) == len && !memcmp(m->name, name, len)) {
			*out = m->root;
			return 0;
		}
	}
	u32 id;
	i64 r = ops(dir)->lookup(dir.id, name, len, &id);
	if (!r)
		*out = (struct vnode){ dir.fs, id };
	return r;
}

/* Where a path begins. An empty path and none at all mean the descriptor itself, whatever it is
 * open for. */
static i64 start_of(int dirfd, const char *path, struct vnode *at)
{
	if (path && path[0] == '/') {
		*at = root;
	} else if (dirfd == AT_FDCWD) {
		*at = S->cwd;
	} else {
		struct file *f = fd_file((u32)dirfd);
		if (!f)
			return -EBADF;
		*at = (struct vnode){ f->fs, f->node };
		if (path && path[0] && !(file_named(f) && vnode_is(*at, S_IFDIR)))
			return -ENOTDIR;
	}
	return 0;
}

/* Resolves path. What is still to be resolved lies at the end of todo: a symbolic link's target
 * goes in front of it, and the walk goes on. want_parent: the last component is not looked up; out
 * is the directory that would list it, last its name. */
static i64 resolve(int dirfd, const char *path, int follow, int want_parent, struct vnode *out, char *last)
{
	char todo[PATH_MAX], target[PATH_MAX];
	struct vnode at;
	int links = 0;
	i64 r = start_of(dirfd, path, &at);
	if (r)
		return r;
	/* path_resolution(7), Empty pathname: ENOENT. */
	u64 n = strlen(path);
	if (!n)
		return -ENOENT;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	/* The rest of the path always ends at the end of todo: there is room for targets in front of
	 * it. */
	char *p = todo + PATH_MAX - n - 1;
	memcpy(p, path, n + 1);
	if (last)
		last[0] = 0;
	for (;;) {
		while (*p == '/')
			p++;
		if (!*p)
			break;
		u64 len = 0;
		while (p[len] && p[len] != '/')
			len++;
		/* path_resolution(7): no directory could list such a name. */
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		char *rest = p + len;
		/* A path that ends in a slash means a directory (path_resolution(7)). */
		int slash = *rest == '/';
		while (*rest == '/')
			rest++;
		/* Slashes at the end do not make another component. */
		int final = !*rest;
		if (final && want_parent) {
			/* last has room for NAME_SIZE bytes, and len is at most NAME_MAX. */
			memcpy(last, p, len);
			last[len] = 0;
			if (!vnode_is(at, S_IFDIR))
				return -ENOTDIR;
			break;
		}
		struct vnode next;
		r = lookup(at, p, len, &next);
		if (r)
			return r;
		u32 type = vnode_mode(next) & S_IFMT;
		if (type == S_IFLNK && (!final || follow || slash)) {
			/* The kernel's bound: a link that leads to itself would never end. */
			if (++links > LINKS_MAX)
				return -ELOOP;
			/* An empty target is no path: ENOENT. */
			i64 k = vnode_readlink(next, target, sizeof target);
			if (k <= 0)
				return k ? k : -ENOENT;
			/* The rest moves to the end of the buffer, the target before it. */
			u64 left = strlen(rest);
			if (k + left + 2 > PATH_MAX)
				return -ENAMETOOLONG;
			p = todo + PATH_MAX - left - 1;
			memmove(p, rest, left + 1); /* both lie in todo, and may overlap */
			if (!final || slash)
				*--p = '/';
			p -= k;
			memcpy(p, target, k);
			/* A relative target is resolved from the directory that has the link. */
			if (target[0] == '/')
				at = root;
			continue;
		}
		/* "file/" is no path to a file. */
		if (final && slash && type != S_IFDIR)
			return -ENOTDIR;
		at = next;
		p = rest;
	}
	*out = at;
	return 0;
}

/* follow: a symbolic link as the last component is resolved too. */
i64 walk(int dirfd, const char *path, int follow, struct vnode *out)
{
	if (!path)
		return start_of(dirfd, NULL, out);
	return resolve(dirfd, path, follow, 0, out, NULL);
}

/* Links on the way are always followed. */
i64 walk_parent(int dirfd, const char *path, struct vnode *dir, char *name)
{
	return resolve(dirfd, path, 1, 1, dir, name);
}
