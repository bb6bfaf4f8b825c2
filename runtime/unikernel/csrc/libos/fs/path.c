/*
 * path.c: names to files. The root is the image; tmpfs and the synthetic trees (/dev, /proc, /sys) are mounted over
 * directories of it. A vnode is a file system and a number in it, so it needs no allocation and no reference.
 */
#include "fs/image.h"
#include "fs/tmpfs.h"
#include "fs/synth.h"

void package_init(void); /* package.c */

#define PATH_MAX 4096
#define LINKS_MAX 40

static int same(struct vnode a, struct vnode b) { return a.fs == b.fs && a.id == b.id; }
static struct vnode image_node(u32 id) { return (struct vnode){ FS_IMAGE, id }; }

static void mount(const char *parent, const char *name, struct vnode root)
{
	struct mount *m = &S->mounts[S->nmounts];
	if (walk(-100, parent, 1, &m->parent) < 0)
		return;
	memcpy(m->name, name, strlen(name) + 1);
	m->root = root;
	S->nmounts++;
}

void mounts_init(void)
{
	mount("/", "dev", (struct vnode){ FS_SYNTH, synth_root("dev") });
	mount("/", "proc", (struct vnode){ FS_SYNTH, synth_root("proc") });
	mount("/", "sys", (struct vnode){ FS_SYNTH, synth_root("sys") });
	mount("/", "tmp", (struct vnode){ FS_TMP, tmp_root(01777) });
	mount("/var", "tmp", (struct vnode){ FS_TMP, tmp_root(01777) });
	mount("/var", "task", (struct vnode){ FS_TMP, tmp_root(0755) });
	mount("/dev", "shm", (struct vnode){ FS_TMP, tmp_root(01777) });
	package_init();
}

u32 vnode_mode(struct vnode v)
{
	switch (v.fs) {
	case FS_IMAGE: return image_inode(v.id)->mode;
	case FS_TMP: return S->inodes[v.id].mode;
	default: return synth_mode(v.id);
	}
}

u64 vnode_ino(struct vnode v) { return (u64)v.fs << 40 | (v.id + 1); }

static struct vnode parent_of(struct vnode v)
{
	for (u32 i = 0; i < S->nmounts; i++)
		if (same(S->mounts[i].root, v))
			return S->mounts[i].parent;
	switch (v.fs) {
	case FS_IMAGE: return image_node(image_inode(v.id)->parent);
	case FS_TMP: return (struct vnode){ FS_TMP, S->inodes[v.id].parent };
	default: return (struct vnode){ FS_SYNTH, synth_parent(v.id) };
	}
}

i64 lookup(struct vnode dir, const char *name, u64 len, struct vnode *out)
{
	if ((vnode_mode(dir) & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	if (len == 1 && name[0] == '.') {
		*out = dir;
		return 0;
	}
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		*out = parent_of(dir);
		return 0;
	}
	for (u32 i = 0; i < S->nmounts; i++) {
		struct mount *m = &S->mounts[i];
		if (same(m->parent, dir) && strlen(m->name) == len && !memcmp(m->name, name, len)) {
			*out = m->root;
			return 0;
		}
	}
	u32 id;
	i64 r = dir.fs == FS_IMAGE ? image_lookup(dir.id, name, len, &id) :
		dir.fs == FS_TMP ? tmp_lookup(dir.id, name, len, &id) : synth_lookup(dir.id, name, len, &id);
	if (!r)
		*out = (struct vnode){ dir.fs, id };
	return r;
}

i64 vnode_readlink(struct vnode v, char *buf, u64 cap)
{
	if ((vnode_mode(v) & S_IFMT) != S_IFLNK)
		return -EINVAL;
	if (v.fs == FS_SYNTH)
		return synth_target(v.id, buf, cap);
	u64 n = v.fs == FS_IMAGE ? image_inode(v.id)->size : S->inodes[v.id].size;
	n = MIN(n, cap);
	memcpy(buf, v.fs == FS_IMAGE ? image_target(v.id) : (const char *)S->inodes[v.id].data, n);
	return n;
}

static i64 start_of(int dirfd, const char *path, struct vnode *at)
{
	if (path && path[0] == '/') {
		*at = image_node(0);
	} else if (dirfd == -100) {
		*at = S->cwd;
	} else {
		struct file *f = fd_file((u32)dirfd);
		if (!f)
			return -EBADF;
		if (f->kind != K_DIR && !(path && !path[0]) && path)
			return -ENOTDIR;
		*at = (struct vnode){ f->fs, f->node };
	}
	return 0;
}

/* Resolves all but the last component into dir, which may be a symbolic link's target in turn. */
static i64 resolve(int dirfd, const char *path, int follow, int want_parent, struct vnode *out, char *last)
{
	char todo[PATH_MAX], target[PATH_MAX];
	struct vnode at;
	int links = 0;
	i64 r = start_of(dirfd, path, &at);
	if (r)
		return r;
	u64 n = strlen(path);
	if (!n)
		return -ENOENT;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
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
		if (len > 255)
			return -ENAMETOOLONG;
		char *rest = p + len;
		int slash = *rest == '/';
		while (*rest == '/')
			rest++;
		int final = !*rest;
		if (final && want_parent) {
			memcpy(last, p, len);
			last[len] = 0;
			if ((vnode_mode(at) & S_IFMT) != S_IFDIR)
				return -ENOTDIR;
			break;
		}
		struct vnode next;
		r = lookup(at, p, len, &next);
		if (r)
			return r;
		u32 type = vnode_mode(next) & S_IFMT;
		if (type == S_IFLNK && (!final || follow || slash)) {
			if (++links > LINKS_MAX)
				return -ELOOP;
			i64 k = vnode_readlink(next, target, sizeof target);
			if (k <= 0)
				return k ? k : -ENOENT;
			/* The rest moves to the end of the buffer, the target before it. */
			u64 left = strlen(rest);
			if (k + left + 2 > PATH_MAX)
				return -ENAMETOOLONG;
			p = todo + PATH_MAX - left - 1;
			memmove(p, rest, left + 1);
			if (!final || slash)
				*--p = '/';
			p -= k;
			memcpy(p, target, k);
			if (target[0] == '/')
				at = image_node(0);
			continue;
		}
		if (final && slash && type != S_IFDIR)
			return -ENOTDIR;
		at = next;
		p = rest;
	}
	*out = at;
	return 0;
}

i64 walk(int dirfd, const char *path, int follow, struct vnode *out)
{
	if (!path)
		return start_of(dirfd, NULL, out);
	return resolve(dirfd, path, follow, 0, out, NULL);
}

i64 walk_parent(int dirfd, const char *path, struct vnode *dir, char *name)
{
	return resolve(dirfd, path, 1, 1, dir, name);
}

i64 vnode_bytes(struct vnode v, const u8 **p, u64 *size)
{
	if ((vnode_mode(v) & S_IFMT) != S_IFREG)
		return -EACCES;
	if (v.fs == FS_IMAGE)
		*p = image_bytes(v.id), *size = image_inode(v.id)->size;
	else if (v.fs == FS_TMP)
		*p = S->inodes[v.id].data, *size = S->inodes[v.id].size;
	else
		return -ENODEV;
	return 0;
}

int vnode_entry(struct vnode dir, u64 *pos, const char **name, u32 *len, u64 *ino, u8 *type)
{
	u32 id;
	int more;
	if (*pos < 2) {
		struct vnode v = *pos ? parent_of(dir) : dir;
		*name = "..", *len = 1 + *pos, *ino = vnode_ino(v), *type = 4;
		++*pos;
		return 1;
	}
	u64 at = *pos - 2;
	if (dir.fs == FS_IMAGE)
		more = image_entry(dir.id, at++, name, len, &id, type);
	else if (dir.fs == FS_TMP)
		more = tmp_entry(dir.id, &at, name, len, &id, type);
	else
		more = synth_entry(dir.id, &at, name, len, &id, type);
	*pos = at + 2;
	*ino = vnode_ino((struct vnode){ dir.fs, id });
	return more;
}

/* The absolute path of a directory, or of a file by looking for who lists it. */
i64 vnode_path(struct vnode v, char *buf, u64 cap)
{
	char tmp[PATH_MAX], *p = tmp + sizeof tmp - 1;
	*p = 0;
	for (int depth = 0; !(v.fs == FS_IMAGE && v.id == 0); depth++) {
		const char *name = NULL;
		u32 len = 0;
		struct vnode up = { 0, 0 };
		for (u32 i = 0; i < S->nmounts && !name; i++)
			if (same(S->mounts[i].root, v))
				up = S->mounts[i].parent, name = S->mounts[i].name, len = strlen(name);
		if (!name) {
			up.fs = v.fs;
			int ok = v.fs == FS_IMAGE ? image_find(v.id, &up.id, &name, &len) :
				 v.fs == FS_TMP ? tmp_find(v.id, &up.id, &name, &len) : synth_find(v.id, &up.id, &name, &len);
			if (!ok)
				return -ENOENT;
		}
		if (depth > 100 || p - tmp < len + 2)
			return -ENAMETOOLONG;
		p -= len;
		memcpy(p, name, len);
		*--p = '/';
		v = up;
	}
	if (!*p)
		*--p = '/';
	u64 n = strlen(p);
	if (n + 1 > cap)
		return -ERANGE;
	memcpy(buf, p, n + 1);
	return n;
}
