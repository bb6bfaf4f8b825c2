/*
 * tmpfile.c: inodes of tmpfs, and their bytes.
 *
 * The bytes of a file are one buffer in the region that grows by half, so that a file that is
 * appended to is copied a few times only, and so that a read is one copy from an address.
 * Everything is charged to the guest's memory limit.
 *
 * A shared mapping is the buffer itself. From the first one on the buffer stays where it is: a file
 * of moderate size is moved before, to where addresses behind it are kept free, and grows into
 * these.
 */
#include "base/state.h"
#include "fs/notify.h"
#include "host/clock.h"
#include "mm/heap.h"
#include "mm/region.h"

static struct inode *node(u32 id) { return &S->inodes[id]; }

/* A new file has a name: the caller is about to give it one. Its times are one moment. */
u32 inode_new(u32 mode)
{
	/* No number below S->tmp_free is free. 0 is no inode, and the result of a full table. */
	u32 id = S->tmp_free ? S->tmp_free : 1;
	for (; id < MAX_INODES; id++) {
		struct inode *n = node(id);
		if (n->mode)
			continue;
		memset(n, 0, sizeof *n);
		n->mode = mode;
		/* A directory's second link is its own ".". */
		n->nlink = (mode & S_IFMT) == S_IFDIR ? 2 : 1;
		n->mtime = n->ctime = n->atime = now_real();
		/* A directory without one is its own: the root of a mount. */
		n->parent = id;
		/* The search goes on behind it. */
		S->tmp_free = id + 1;
		return id;
	}
	return 0;
}

/* Gives up the bytes: of a file in room, the room too. */
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
	/* Addresses that were only kept become memory that is charged. */
	vma_remove(at, at + len, 1);
	if (vma_map(at, len, PROT_READ | PROT_WRITE, MAP_FIXED, V_LIBOS) >= 0)
		return 0;
	/* The addresses stay kept: the next attempt may find memory. */
	vma_map(at, len, 0, MAP_FIXED, V_LIBOS);
	return -ENOSPC;
}

/* A file that is mapped shared stays where it is, and grows into its room. */
static i64 extend(struct inode *n, u64 need)
{
	/* Bytes that are missing, in whole pages. */
	u64 more = PAGE_UP(need) - n->cap;
	/* Nothing can lie behind its addresses: what is mapped there is somebody else's. */
	if (more / PAGE > n->room)
		return -EFBIG;
	i64 r = fill_room((u64)n->data + n->cap, more);
	if (!r)
		n->cap += more, n->room -= more / PAGE;
	return r;
}

/* Programs map a file and let it grow, SQLite the index of its write-ahead log. Addresses cost
 * nothing. */
#define ROOM (1ull << 30) /* bytes of addresses behind a mapped file */

/* cap bytes, a multiple of the page, with room behind them. */
static void move_to_room(struct inode *n, u64 cap)
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

/* A fifo has no bytes of its own: data is free for it. */
struct fifo **tmp_fifo(u32 id) { return (struct fifo **)&node(id)->data; }

void inode_release(u32 id)
{
	struct inode *n = node(id);
	/* A name, an open file (or working directory) and a mapping each keep it. */
	if (n->nlink || n->refs || n->maps)
		return;
	if ((n->mode & S_IFMT) == S_IFIFO && n->data && !(*tmp_fifo(id))->forget(*tmp_fifo(id)))
		return;
	notify_gone(id);
	free_data(n);
	memset(n, 0, sizeof *n);
	S->tmp_free = MIN(S->tmp_free, id);
}

/* The last end of a fifo was closed. */
void tmp_fifo_gone(u32 id)
{
	*tmp_fifo(id) = NULL;
	inode_release(id);
}

/* The last close of a file that has no name ends it. */
void tmp_put(u32 id)
{
	node(id)->refs--;
	inode_release(id);
}

/* Makes room for need bytes. The buffer moves, unless it is mapped. */
static i64 reserve(struct inode *n, u64 need)
{
	if (need <= n->cap)
		return 0;
	if (n->maps)
		return extend(n, need);
	u64 cap = MAX(need, n->cap + n->cap / 2);
	/* Sizes of the heap's bins: what a bin would waste is used. */
	cap = cap <= 64 ? 64 : cap <= 2048 ? (cap <= 256 ? 256 : 2048) : PAGE_UP(cap);
	if (need > UC_HIGH_END - UC_HIGH)
		return -EFBIG;
	u8 *p = kalloc(cap);
	/* Near the limit there may still be room for exactly what is asked for. */
	if (!p && cap > PAGE_UP(need))
		p = kalloc(cap = PAGE_UP(need));
	if (!p)
		return -ENOSPC;
	memcpy(p, n->data, n->size);
	free_data(n);
	n->data = p, n->cap = cap;
	return 0;
}

i64 inode_reserve(u32 id, u64 size) { return reserve(node(id), size); }

/* A hole between the old end and off reads as zeros. */
i64 tmp_write(u32 id, u64 src, u64 len, u64 off)
{
	struct inode *n = node(id);
	/* An end beyond all numbers. */
	if (off + len < off)
		return -EFBIG;
	i64 r = reserve(n, off + len);
	if (r)
		return r;
	if (off > n->size)
		memset(n->data + n->size, 0, off - n->size);
	u64 left = copy_user(n->data + off, (const void *)src, len);
	if (left && left == len)
		return -EFAULT;
	len -= left; /* as on Linux, a fault half-way ends the call early, with what was written */
	n->size = MAX(n->size, off + len);
	n->mtime = n->ctime = now_real();
	return len;
}

/* Bytes behind the new end stay in the buffer, and are zeroed when it grows again. */
i64 tmp_resize(u32 id, u64 size)
{
	struct inode *n = node(id);
	i64 r = reserve(n, size);
	if (r)
		return r;
	if (size > n->size)
		memset(n->data + n->size, 0, size - n->size);
	n->size = size;
	/* A mapping goes on showing the buffer, so the buffer stays. */
	if (!size && !n->maps)
		free_data(n);
	n->mtime = n->ctime = now_real();
	notify_file(id, IN_MODIFY);
	return 0;
}

/* The address of a mapping of old bytes that now has len: it stays where it is. -EFAULT: at is no
 * file's. All inodes are searched: mappings of files are few, and grow seldom. */
i64 tmp_remap(u64 at, u64 old, u64 len)
{
	for (u32 id = 1; id < MAX_INODES; id++) {
		struct inode *n = node(id);
		u64 data = (u64)n->data;
		/* Only a shared mapping is the buffer itself; its whole old range lies inside. */
		if (!n->maps || at < data || at + old > data + n->cap)
			continue;
		return reserve(n, at - data + len) ? -ENOMEM : (i64)at;
	}
	return -EFAULT;
}

#define MOVE_MAX (64ull << 20) /* a larger file is not moved only so that it may grow */

/* A shared mapping is the file's own buffer, which from then on stays where it is. off and len are
 * the guest's: the buffer is made as large as the mapping asks, as if the file had holes. */
i64 tmp_share(u32 id, u64 off, u64 len)
{
	struct inode *n = node(id);
	u64 need = MAX(off + PAGE_UP(len), PAGE);
	if (off + PAGE_UP(len) < off || need > UC_HIGH_END - UC_HIGH)
		return -ENOMEM;
	/* The first mapping decides whether the file can grow under it. */
	if (!n->maps && !n->room && MAX(need, n->cap) <= MOVE_MAX)
		move_to_room(n, PAGE_UP(MAX(need, n->cap)));
	/* A buffer of at most 2048 bytes lies in a bin of the heap; a larger one has whole pages, which a mapping needs. */
	if (n->cap < need || n->cap <= 2048) {
		i64 r = reserve(n, MAX(need, 2049));
		if (r)
			return -ENOMEM;
	}
	n->maps++;
	return (i64)n->data + off;
}

/* O_TMPFILE, memfd_create: a file that only its descriptor holds. */
i64 tmp_unnamed(u32 mode)
{
	u32 id = inode_new(mode);
	if (!id)
		return -ENOSPC;
	node(id)->nlink = 0;
	return id;
}
