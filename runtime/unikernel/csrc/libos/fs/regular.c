/*
 * regular.c: files and directories of a file system, once they are open.
 *
 * Bytes of the image and of tmpfs lie in memory (vnode_bytes), so a read is one copy and never
 * waits. Only tmpfs can be written; open refuses the rest. An open file of tmpfs holds its inode:
 * the bytes stay, and the number is not used again, until the last close, whatever becomes of the
 * name.
 *
 * A mapping of a file is a private copy in the region. The region is the only memory that a
 * snapshot has, and no host mapping exists that a guest could name. tmpfs files can be mapped
 * shared, since their buffer is in the region already.
 */
#include "base/state.h"
#include "fs/notify.h"
#include "mm/region.h"

static struct vnode vnode_of(const struct file *f) { return (struct vnode){ f->fs, f->node }; }

/* A read behind the end is the end. The position moves only if the bytes have arrived. */
static i64 regular_read(struct file *f, u64 buf, u64 n, i64 off)
{
	const u8 *p = NULL;
	u64 size = 0, at = off < 0 ? f->pos : (u64)off;
	vnode_bytes(vnode_of(f), &p, &size);
	if (at >= size)
		return 0;
	n = MIN(n, size - at);
	if (to_user(buf, p + at, n))
		return -EFAULT;
	if (off < 0)
		f->pos += n;
	if (f->fs == FS_TMP && n)
		notify_file(f->node, IN_ACCESS);
	return n;
}

/* O_APPEND writes at the end, wherever the position is; with pwrite an offset wins, unlike on
 * Linux, whose manual calls that a bug. */
static i64 regular_write(struct file *f, u64 buf, u64 n, i64 off)
{
	u64 at = off >= 0 ? (u64)off : f->flags & O_APPEND ? S->inodes[f->node].size : f->pos;
	i64 r = n ? tmp_write(f->node, buf, n, at) : 0;
	if (off < 0 && r > 0)
		f->pos = at + r;
	if (r > 0)
		notify_file(f->node, IN_MODIFY);
	return r;
}

/* Of a directory, 0: its position is a number of getdents64. */
static u64 regular_size(struct file *f)
{
	const u8 *p;
	u64 size = 0;
	vnode_bytes(vnode_of(f), &p, &size);
	return size;
}

/* A private mapping is a copy: no host mapping of a file exists that a guest could name. A shared
 * one of tmpfs is the file's own buffer. */
static i64 regular_map(struct file *f, u64 at, u64 len, int prot, int flags, u64 off)
{
	const u8 *p;
	u64 size;
	if (off & (PAGE - 1))
		return -EINVAL;
	if (flags & MAP_SHARED && f->fs == FS_TMP)
		return tmp_share(f->node, off, len);
	if (flags & MAP_SHARED && prot & PROT_WRITE)
		return -EACCES;
	i64 r = vnode_bytes(vnode_of(f), &p, &size);
	if (r < 0)
		return r;
	r = vma_map(at, len, prot, flags, V_FILE);
	if (r >= 0) {
		struct vma *v = vma_find(r);
		/* For /proc/self/maps and crash reports. */
		v->fs = f->fs, v->inode = f->node, v->pgoff = off / PAGE;
		if (off < size)
			memcpy((void *)r, p + off, MIN(len, size - off));
	}
	return r;
}

/* inotify tells the end of an opening that could write from that of another. */
static void close_vnode(struct file *f)
{
	if (f->fs != FS_TMP)
		return;
	if (!(f->flags & O_PATH))
		notify_file(f->node, f->flags & O_ACCMODE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	tmp_put(f->node);
}

static i64 is_directory(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)buf, (void)n, (void)off;
	return -EISDIR; /* getdents64 reads it */
}

const struct file_ops regular_ops = { .splice = SPLICE_FROM | SPLICE_TO,
	.read = regular_read,
	.write = regular_write,
	.size = regular_size,
	.map = regular_map,
	.close = close_vnode };
const struct file_ops directory_ops = { .read = is_directory, .size = regular_size, .close = close_vnode };
