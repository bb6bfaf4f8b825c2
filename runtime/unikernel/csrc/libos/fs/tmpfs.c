/*
 * tmpfs.c: the names of the writable files: /tmp, /var/task, /dev/shm, /var/tmp (tmpfs(5)).
 *
 * A directory's content is a buffer of records. A removed record keeps its place, marked free, and
 * is used again for a name that fits: so a position in a listing stays true while others change the
 * directory. An inode counts its names (nlink), its openings (refs) and its shared mappings (maps),
 * and ends when all are gone.
 *
 * Every change of a name is told to inotify when it has happened. The bytes of files are in
 * tmpfile.c.
 */
#include "base/state.h"
#include "fs/notify.h"
#include "host/clock.h"

/* size counts the padding to a multiple of 8, so every record of a directory is aligned. */
struct record {
	u32 inode;
	u16 size;
	u8 len, type;
	char name[];
}; /* inode 0: free */

static struct inode *node(u32 id) { return &S->inodes[id]; }
/* Of an inode that is in use. */
static int is_dir(u32 id) { return (node(id)->mode & S_IFMT) == S_IFDIR; }
/* inotify(7): an event about a directory says so. */
static u32 event_of(u32 id, u32 event) { return is_dir(id) ? event | IN_ISDIR : event; }

/* ---- Directories ---- */

/* From the front: directories here are small, and a function's own. */
static struct record *find(u32 dir, const char *name, u64 len)
{
	struct inode *d = node(dir);
	for (u64 at = 0; at < d->size;) {
		struct record *r = (void *)(d->data + at);
		if (r->inode && r->len == len && !memcmp(r->name, name, len))
			return r;
		at += r->size;
	}
	return NULL;
}

/* The functions of struct fs_ops, for path.c. */
static i64 tmp_lookup(u32 dir, const char *name, u64 len, u32 *out)
{
	struct record *r = find(dir, name, len);
	if (!r)
		return -ENOENT;
	*out = r->inode;
	return 0;
}

/* A position is an offset in the buffer. A record keeps its place as long as the directory lives,
 * so a listing that goes on after a removal misses nothing. */
static int tmp_entry(u32 dir, u64 *pos, const char **name, u32 *len, u32 *inode, u8 *type)
{
	struct inode *d = node(dir);
	while (*pos < d->size) {
		struct record *r = (void *)(d->data + *pos);
		*pos += r->size;
		if (r->inode) {
			*name = r->name, *len = r->len, *inode = r->inode, *type = r->type;
			return 1;
		}
	}
	return 0;
}

/* For getcwd and the like, which are rare: all directories are searched. */
static int tmp_find(u32 id, u32 *parent, const char **name, u32 *len)
{
	/* No inode has the number 0, which marks a free record. */
	for (u32 d = 1; d < MAX_INODES; d++) {
		u64 pos = 0;
		u32 inode;
		u8 type;
		if (!is_dir(d))
			continue;
		while (tmp_entry(d, &pos, name, len, &inode, &type))
			if (inode == id) {
				*parent = d;
				return 1;
			}
	}
	return 0;
}

/* Enters a name. A removed record that is large enough is used again. */
static i64 add(u32 dir, const char *name, u32 id)
{
	struct inode *d = node(dir);
	u64 len = strlen(name), size = (sizeof(struct record) + len + 7) & ~7ull;
	struct record *r = NULL;
	/* NAME_MAX, as statfs tells the guest (attributes.c); a record's len has 8 bits. */
	if (len > 255)
		return -ENAMETOOLONG;
	if (!d->nlink)
		return -ENOENT; /* removed, but still somebody's working directory */
	/* First a removed record that is large enough. */
	for (u64 at = 0; at < d->size; at += r->size) {
		r = (void *)(d->data + at);
		if (!r->inode && r->size >= size)
			goto fill;
	}
	i64 e = inode_reserve(dir, d->size + size);
	if (e)
		return e;
	r = (void *)(d->data + d->size);
	/* A record's size is fixed when it is made: one that is used again for a shorter name keeps it. */
	r->size = size;
	d->size += size;
fill:
	r->inode = id, r->len = len;
	/* DT_* is S_IF* without its low bits: readdir(3). */
	r->type = node(id)->mode >> 12 & 15;
	memcpy(r->name, name, len);
	/* The last name wins: inotify reports the file there. */
	node(id)->parent = dir;
	if (is_dir(id))
		d->nlink++;
	/* The directory's content has changed. */
	d->mtime = d->ctime = now_real();
	return 0;
}

/* A directory's link count is 2 and one for each directory in it. */
static void drop(u32 dir, struct record *r)
{
	if (is_dir(r->inode))
		node(dir)->nlink--;
	r->inode = 0;
	node(dir)->mtime = node(dir)->ctime = now_real();
}

/* The inode is made first: without a name it goes at once. */
i64 tmp_create(u32 dir, const char *name, u32 mode)
{
	u32 id = inode_new(mode);
	if (!id)
		return -ENOSPC;
	i64 r = add(dir, name, id);
	if (r) {
		node(id)->nlink = 0;
		inode_release(id);
		return r;
	}
	notify_entry(dir, name, event_of(id, IN_CREATE), 0);
	return id;
}

/* The target is the file's content. */
i64 tmp_symlink(u32 dir, const char *name, const char *target)
{
	/* symlink(7): the permissions of a link are always these, and say nothing. */
	i64 id = tmp_create(dir, name, S_IFLNK | 0777);
	if (id < 0)
		return id;
	/* No further than the memory limit: a link without a target would lead nowhere. */
	i64 r = tmp_write(id, (u64)target, strlen(target), 0);
	if (r < 0)
		tmp_unlink(dir, name, 0);
	return r < 0 ? r : 0;
}

/* Events: the count of links is an attribute of the file. */
i64 tmp_link(u32 dir, const char *name, u32 id)
{
	i64 r = add(dir, name, id);
	if (r)
		return r;
	node(id)->nlink++;
	notify_self(id, IN_ATTRIB);
	notify_entry(dir, name, IN_CREATE, 0);
	return 0;
}

/* rmdir(2) wants a directory without names; "." and ".." are not among the records. */
static int empty(u32 dir)
{
	u64 pos = 0;
	const char *name;
	u32 len, inode;
	u8 type;
	return !tmp_entry(dir, &pos, &name, &len, &inode, &type);
}

/* Removes a name; the inode's number or -errno. The inode still has to be told of, and released
 * (ended). */
static i64 detach(u32 dir, const char *name, int want_dir)
{
	struct record *r = find(dir, name, strlen(name));
	if (!r)
		return -ENOENT;
	u32 id = r->inode;
	if (is_dir(id) && !want_dir)
		return -EISDIR;
	if (!is_dir(id) && want_dir)
		return -ENOTDIR;
	/* Its own entries would have no path any more. */
	if (want_dir && !empty(id))
		return -ENOTEMPTY;
	drop(dir, r);
	/* A directory has two links when it is empty: its name, and its own ".". */
	node(id)->nlink -= want_dir ? 2 : 1;
	node(id)->ctime = now_real();
	/* It has another name, but nobody remembers where. */
	if (!want_dir && node(id)->nlink && node(id)->parent == dir)
		node(id)->parent = 0;
	return id;
}

/* The inode of a name that is gone: told, and released if that was its last hold. */
static void ended(u32 id)
{
	if (!is_dir(id))
		notify_self(id, IN_ATTRIB); /* the number of its names */
	inode_release(id);
}

/* unlink or, with want_dir, rmdir. The directory's watchers hear of it last. */
i64 tmp_unlink(u32 dir, const char *name, int want_dir)
{
	i64 id = detach(dir, name, want_dir);
	if (id < 0)
		return id;
	ended(id);
	notify_entry(dir, name, want_dir ? IN_DELETE | IN_ISDIR : IN_DELETE, 0);
	return 0;
}

/* A directory cannot be moved below itself: no path would lead to it any more. Up from dir to the
 * root of its mount. */
static int below(u32 dir, u32 id)
{
	for (u32 up = dir;; up = node(up)->parent) {
		if (up == id)
			return 1;
		if (node(up)->parent == up)
			return 0; /* the root of its mount */
	}
}

/* The two events have one cookie, which joins them; 0 means none. */
static void tell_rename(u32 id, u32 from, const char *a, u32 to, const char *b)
{
	u32 cookie = ++S->notify_cookie ? S->notify_cookie : ++S->notify_cookie;
	notify_entry(from, a, event_of(id, IN_MOVED_FROM), cookie);
	notify_entry(to, b, event_of(id, IN_MOVED_TO), cookie);
}

/* What b named is replaced, if it is of the same sort and, as a directory, empty. The new name is
 * entered before the old one goes: the file is never without one. */
i64 tmp_rename(u32 from, const char *a, u32 to, const char *b, u32 flags)
{
	struct record *src = find(from, a, strlen(a)), *dst = find(to, b, strlen(b));
	if (!src)
		return -ENOENT;
	u32 id = src->inode;
	i64 replaced = 0;
	/* renameat2(2): exchange and whiteouts are not here. */
	if (flags & ~(u32)RENAME_NOREPLACE)
		return -EINVAL;
	if (dst && flags & RENAME_NOREPLACE)
		return -EEXIST;
	/* rename(2): two names of one file, nothing to do. */
	if (dst && dst->inode == id)
		return 0;
	if (is_dir(id) && below(to, id))
		return -EINVAL;
	if (dst) {
		/* rename(2): a file does not replace a directory. */
		if (is_dir(dst->inode) && !is_dir(id))
			return -EISDIR;
		/* Its inode lives until the new name is entered, so a failure leaves something to tell. */
		replaced = detach(to, b, is_dir(id));
		if (replaced < 0)
			return replaced;
	}
	i64 r = add(to, b, id);
	if (r) {
		if (replaced)
			ended(replaced);
		return r;
	}
	drop(from, find(from, a, strlen(a))); /* add may have moved the records */
	if (S->notify)
		tell_rename(id, from, a, to, b);
	if (replaced)
		ended(replaced);
	notify_self(id, IN_MOVE_SELF);
	return 0;
}

/* ---- As a file system ---- */

/* The functions of struct fs_ops, for path.c. */
static u32 tmp_mode(u32 id) { return node(id)->mode; }
static u32 tmp_parent(u32 dir) { return node(dir)->parent; }

static i64 tmp_target(u32 id, char *buf, u64 cap)
{
	/* readlink(2): a target is cut to the buffer, and has no zero at its end. */
	u64 n = MIN(node(id)->size, cap);
	memcpy(buf, node(id)->data, n);
	return n;
}

/* The address is good until the file changes. */
static i64 tmp_bytes(u32 id, const u8 **p, u64 *size)
{
	*p = node(id)->data, *size = node(id)->size;
	return 0;
}

/* Times are kept in nanoseconds; block counts follow from the size. */
static void tmp_stat(u32 id, struct stat *st)
{
	struct inode *n = node(id);
	st->st_size = n->size, st->st_nlink = n->nlink, st->st_uid = n->uid, st->st_gid = n->gid;
	st->st_mtime = n->mtime / SEC, st->st_mtime_nsec = n->mtime % SEC;
	st->st_ctime = n->ctime / SEC, st->st_ctime_nsec = n->ctime % SEC;
	st->st_atime = n->atime / SEC, st->st_atime_nsec = n->atime % SEC;
}

const struct fs_ops tmp_fs = {
	.magic = TMPFS_MAGIC,
	.mode = tmp_mode,
	.parent = tmp_parent,
	.lookup = tmp_lookup,
	.entry = tmp_entry,
	.find = tmp_find,
	.target = tmp_target,
	.bytes = tmp_bytes,
	.stat = tmp_stat,
};
