/*
 * tmpfs.c: the writable files, in the region: /tmp, /var/task, /dev/shm, /var/tmp. A file is one buffer that grows by half;
 * a directory is a buffer of records. All of it is charged to the guest's memory limit.
 */
#include "fs/notify.h"
#include "fs/tmpfs.h"
#include "mm/vma.h"

struct record { u32 inode; u16 size; u8 len, type; char name[]; }; /* inode 0: free */

static struct inode *node(u32 id) { return &S->inodes[id]; }
static int is_dir(u32 id) { return (node(id)->mode & S_IFMT) == S_IFDIR; }
static u32 event_of(u32 id, u32 event) { return is_dir(id) ? event | IN_ISDIR : event; }

static u32 new_inode(u32 mode)
{
	u32 id = S->tmp_free ? S->tmp_free : 1;
	for (; id < MAX_INODES; id++) {
		struct inode *n = node(id);
		if (n->mode)
			continue;
		memset(n, 0, sizeof *n);
		n->mode = mode;
		n->nlink = (mode & S_IFMT) == S_IFDIR ? 2 : 1;
		n->mtime = n->ctime = n->atime = now_real();
		n->parent = id;
		S->tmp_free = id + 1;
		return id;
	}
	return 0;
}

u32 tmp_root(u32 mode) { return new_inode(S_IFDIR | mode); }

/* ---- The buffer of a file ---- */

static void free_data(struct inode *n)
{
	if ((n->mode & S_IFMT) == S_IFIFO)
		return; /* data is its pipe */
	if (n->room)
		region_free((u64)n->data + n->cap, n->room * PAGE);
	kfree(n->data, n->cap);
	n->data = NULL, n->cap = 0, n->room = 0;
}

/* Turns addresses that were kept free into memory, or says that the limit forbids it. */
static i64 fill_room(u64 at, u64 len)
{
	vma_remove(at, at + len, 1);
	if (vma_map(at, len, PROT_READ | PROT_WRITE, MAP_FIXED, V_LIBOS) >= 0)
		return 0;
	vma_map(at, len, 0, MAP_FIXED, V_LIBOS);
	return -ENOSPC;
}

/* A file that is mapped shared stays where it is, and grows into its room. */
static i64 extend(struct inode *n, u64 need)
{
	u64 more = PAGE_UP(need) - n->cap;
	if (more / PAGE > n->room)
		return -EFBIG;
	i64 r = fill_room((u64)n->data + n->cap, more);
	if (!r)
		n->cap += more, n->room -= more / PAGE;
	return r;
}

/* Programs map a file and let it grow, SQLite the index of its write-ahead log. Addresses cost nothing. */
#define ROOM (1ull << 30)

static void settle(struct inode *n, u64 cap)
{
	i64 at = vma_map(0, cap + ROOM, 0, 0, V_LIBOS);
	if (at < 0)
		return; /* it can be mapped, and does not grow */
	if (fill_room(at, cap)) {
		region_free(at, cap + ROOM);
		return;
	}
	memcpy((void *)at, n->data, n->size);
	free_data(n);
	n->data = (u8 *)at, n->cap = cap, n->room = ROOM / PAGE;
}

static void release(u32 id)
{
	struct inode *n = node(id);
	if (n->nlink || n->refs || n->maps)
		return;
	if ((n->mode & S_IFMT) == S_IFIFO && n->data && !fifo_forget((struct pipe *)n->data))
		return;
	if (watched())
		notify_gone(id);
	free_data(n);
	memset(n, 0, sizeof *n);
	S->tmp_free = MIN(S->tmp_free, id);
}

void tmp_put(u32 id)
{
	node(id)->refs--;
	release(id);
}

static i64 reserve(struct inode *n, u64 need)
{
	if (need <= n->cap)
		return 0;
	if (n->maps)
		return extend(n, need);
	u64 cap = MAX(need, n->cap + n->cap / 2);
	cap = cap <= 64 ? 64 : cap <= 2048 ? (cap <= 256 ? 256 : 2048) : PAGE_UP(cap);
	if (need > UC_HIGH_END - UC_HIGH)
		return -EFBIG;
	u8 *p = kalloc(cap);
	if (!p && cap > PAGE_UP(need))
		p = kalloc(cap = PAGE_UP(need));
	if (!p)
		return -ENOSPC;
	memcpy(p, n->data, n->size);
	free_data(n);
	n->data = p, n->cap = cap;
	return 0;
}

i64 tmp_reserve(u32 id, u64 size) { return reserve(node(id), size); }

i64 tmp_write(u32 id, u64 src, u64 len, u64 off)
{
	struct inode *n = node(id);
	if (off + len < off)
		return -EFBIG;
	i64 r = reserve(n, off + len);
	if (r)
		return r;
	if (off > n->size)
		memset(n->data + n->size, 0, off - n->size);
	if (from_user(n->data + off, src, len))
		return -EFAULT;
	n->size = MAX(n->size, off + len);
	n->mtime = n->ctime = now_real();
	return len;
}

i64 tmp_resize(u32 id, u64 size)
{
	struct inode *n = node(id);
	i64 r = reserve(n, size);
	if (r)
		return r;
	if (size > n->size)
		memset(n->data + n->size, 0, size - n->size);
	n->size = size;
	if (!size && !n->maps)
		free_data(n);
	n->mtime = n->ctime = now_real();
	if (watched())
		notify_file(id, IN_MODIFY);
	return 0;
}

/* The address of a mapping of old bytes that now has len: it stays where it is. -EFAULT: at is no file's. */
i64 tmp_remap(u64 at, u64 old, u64 len)
{
	for (u32 id = 1; id < MAX_INODES; id++) {
		struct inode *n = node(id);
		u64 data = (u64)n->data;
		if (!n->maps || at < data || at + old > data + n->cap)
			continue;
		return reserve(n, at - data + len) ? -ENOMEM : (i64)at;
	}
	return -EFAULT;
}

#define SETTLE_MAX (64ull << 20) /* a larger file is not moved only so that it may grow */

/* A shared mapping is the file's own buffer, which from then on stays where it is. */
i64 tmp_share(u32 id, u64 off, u64 len)
{
	struct inode *n = node(id);
	u64 need = MAX(off + PAGE_UP(len), PAGE);
	if (off + PAGE_UP(len) < off || need > UC_HIGH_END - UC_HIGH)
		return -ENOMEM;
	if (!n->maps && !n->room && MAX(need, n->cap) <= SETTLE_MAX)
		settle(n, PAGE_UP(MAX(need, n->cap)));
	if (n->cap < need || n->cap <= 2048) {
		i64 r = reserve(n, MAX(need, 2049));
		if (r)
			return -ENOMEM;
	}
	n->maps++;
	return (i64)n->data + off;
}

/* ---- Directories ---- */

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

i64 tmp_lookup(u32 dir, const char *name, u64 len, u32 *out)
{
	struct record *r = find(dir, name, len);
	if (!r)
		return -ENOENT;
	*out = r->inode;
	return 0;
}

int tmp_entry(u32 dir, u64 *pos, const char **name, u32 *len, u32 *inode, u8 *type)
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

int tmp_find(u32 id, u32 *parent, const char **name, u32 *len)
{
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

static i64 add(u32 dir, const char *name, u32 id)
{
	struct inode *d = node(dir);
	u64 len = strlen(name), size = (sizeof(struct record) + len + 7) & ~7ull;
	struct record *r = NULL;
	if (len > 255)
		return -ENAMETOOLONG;
	if (!d->nlink)
		return -ENOENT; /* removed, but still somebody's working directory */
	for (u64 at = 0; at < d->size; at += r->size) {
		r = (void *)(d->data + at);
		if (!r->inode && r->size >= size)
			goto fill;
	}
	i64 e = reserve(d, d->size + size);
	if (e)
		return e;
	r = (void *)(d->data + d->size);
	r->size = size;
	d->size += size;
fill:
	r->inode = id, r->len = len;
	r->type = node(id)->mode >> 12 & 15;
	memcpy(r->name, name, len);
	node(id)->parent = dir;
	if (is_dir(id))
		d->nlink++;
	d->mtime = d->ctime = now_real();
	return 0;
}

static void drop(u32 dir, struct record *r)
{
	if (is_dir(r->inode))
		node(dir)->nlink--;
	r->inode = 0;
	node(dir)->mtime = node(dir)->ctime = now_real();
}

i64 tmp_create(u32 dir, const char *name, u32 mode)
{
	u32 id = new_inode(mode);
	if (!id)
		return -ENOSPC;
	i64 r = add(dir, name, id);
	if (r) {
		node(id)->nlink = 0;
		release(id);
		return r;
	}
	if (watched())
		notify_entry(dir, name, event_of(id, IN_CREATE), 0);
	return id;
}

i64 tmp_unnamed(u32 mode)
{
	u32 id = new_inode(mode);
	if (!id)
		return -ENOSPC;
	node(id)->nlink = 0;
	return id;
}

struct pipe **tmp_fifo(u32 id) { return (struct pipe **)&node(id)->data; } /* it has no bytes of its own: cap is 0 */

void tmp_fifo_gone(u32 id)
{
	*tmp_fifo(id) = NULL;
	release(id);
}

i64 tmp_symlink(u32 dir, const char *name, const char *target)
{
	i64 id = tmp_create(dir, name, S_IFLNK | 0777);
	if (id < 0)
		return id;
	i64 r = tmp_write(id, (u64)target, strlen(target), 0);
	if (r < 0)
		tmp_unlink(dir, name, 0);
	return r < 0 ? r : 0;
}

i64 tmp_link(u32 dir, const char *name, u32 id)
{
	i64 r = add(dir, name, id);
	if (r)
		return r;
	node(id)->nlink++;
	if (watched()) {
		notify_self(id, IN_ATTRIB);
		notify_entry(dir, name, IN_CREATE, 0);
	}
	return 0;
}

static int empty(u32 dir)
{
	u64 pos = 0;
	const char *name;
	u32 len, inode;
	u8 type;
	return !tmp_entry(dir, &pos, &name, &len, &inode, &type);
}

/* Removes a name; the inode's number or -errno. The inode still has to be told, and released: ended. */
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
	if (want_dir && !empty(id))
		return -ENOTEMPTY;
	drop(dir, r);
	node(id)->nlink -= want_dir ? 2 : 1;
	node(id)->ctime = now_real();
	if (!want_dir && node(id)->nlink && node(id)->parent == dir)
		node(id)->parent = 0;
	return id;
}

static void ended(u32 id)
{
	if (watched() && !is_dir(id))
		notify_self(id, IN_ATTRIB); /* the number of its names */
	release(id);
}

i64 tmp_unlink(u32 dir, const char *name, int want_dir)
{
	i64 id = detach(dir, name, want_dir);
	if (id < 0)
		return id;
	ended(id);
	if (watched())
		notify_entry(dir, name, want_dir ? IN_DELETE | IN_ISDIR : IN_DELETE, 0);
	return 0;
}

i64 tmp_rename(u32 from, const char *a, u32 to, const char *b, u32 flags)
{
	struct record *src = find(from, a, strlen(a)), *dst = find(to, b, strlen(b));
	if (!src)
		return -ENOENT;
	u32 id = src->inode;
	i64 replaced = 0;
	if (flags & ~1u)
		return -EINVAL;
	if (dst && flags & 1)
		return -EEXIST;
	if (dst && dst->inode == id)
		return 0;
	for (u32 up = to; is_dir(id); up = node(up)->parent) {
		if (up == id)
			return -EINVAL;
		if (node(up)->parent == up)
			break;
	}
	if (dst) {
		if (is_dir(dst->inode) && !is_dir(id))
			return -EISDIR;
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
	if (watched()) {
		u32 cookie = notify_cookie();
		notify_entry(from, a, event_of(id, IN_MOVED_FROM), cookie);
		notify_entry(to, b, event_of(id, IN_MOVED_TO), cookie);
	}
	if (replaced)
		ended(replaced);
	if (watched())
		notify_self(id, IN_MOVE_SELF);
	return 0;
}
