/* tmpfs.h: the writable file system. */
#ifndef TMPFS_H
#define TMPFS_H
#include "fs/path.h"

#define MAX_INODES 16384 /* of tmpfs; a package of some ten thousand files fits */

struct inode { /* mode 0: free */
	u32 mode, nlink, refs;
	u32 parent; /* of a directory; of a file: what last gave it a name, 0: it has another name */
	u64 size, cap;
	u8 *data; /* file bytes, symlink target, directory records, or the struct fifo of a fifo that is open */
	u64 mtime, atime, ctime; /* nanoseconds since the epoch */
	u32 maps, uid, gid;
	u32 room; /* pages of addresses behind data that are kept free for it to grow into */
};

/* What an open fifo has its bytes in (pipe.c). forget: nobody can open it again; 0: it is open, and
 * ends with its last end. */
struct fifo {
	int (*forget)(struct fifo *);
};

extern const struct fs_ops tmp_fs;

/* ---- tmpfile.c: inodes and their bytes ---- */
u32 inode_new(u32 mode); /* 0: there are too many */
void inode_release(u32 id); /* ends it if no name, no file and no mapping holds it */
i64 inode_reserve(u32 id, u64 size); /* room for it, so that the buffer does not move as it grows */
i64 tmp_write(u32 id, u64 src, u64 n, u64 off); /* bytes written: fewer than n if the guest's memory ends before */
i64 tmp_resize(u32 id, u64 size);
i64 tmp_share(u32 id, u64 off, u64 len); /* address of a shared mapping of a file */
i64 tmp_remap(u64 at, u64 old, u64 len); /* a shared mapping that grows */
i64 tmp_unnamed(u32 mode); /* a file that no directory lists; refs 0 */
void tmp_put(u32 id); /* an open file went away */
struct fifo **tmp_fifo(u32 id);
void tmp_fifo_gone(u32 id);

/* ---- tmpfs.c: names. Each is 0 or -errno unless it says more ---- */
i64 tmp_create(u32 dir, const char *name, u32 mode); /* inode number; refs 0 */
i64 tmp_link(u32 dir, const char *name, u32 id);
i64 tmp_unlink(u32 dir, const char *name, int want_dir);
i64 tmp_rename(u32 from, const char *a, u32 to, const char *b, u32 flags);
i64 tmp_symlink(u32 dir, const char *name, const char *target);
#endif
