/* tmpfs.h: the writable file system, for path.c, file.c, names.c and dirs.c. */
#ifndef TMPFS_H
#define TMPFS_H
#include "core/state.h"
u32 tmp_root(u32 mode);
i64 tmp_lookup(u32 dir, const char *name, u64 len, u32 *out);
int tmp_entry(u32 dir, u64 *pos, const char **name, u32 *len, u32 *inode, u8 *type);
int tmp_find(u32 id, u32 *parent, const char **name, u32 *len);
i64 tmp_create(u32 dir, const char *name, u32 mode);   /* inode number; refs 0 */
i64 tmp_link(u32 dir, const char *name, u32 id);
i64 tmp_unlink(u32 dir, const char *name, int want_dir);
i64 tmp_rename(u32 from, const char *a, u32 to, const char *b, u32 flags);
i64 tmp_write(u32 id, u64 src, u64 n, u64 off);
i64 tmp_reserve(u32 id, u64 size);                     /* room for it, so that the buffer does not move as it grows */
i64 tmp_resize(u32 id, u64 size);
i64 tmp_symlink(u32 dir, const char *name, const char *target);
i64 tmp_mksock(const char *path);                       /* the name of a bound unix socket */
i64 tmp_unnamed(u32 mode);                              /* a file that no directory lists; refs 0 */
struct pipe;
struct pipe **tmp_fifo(u32 id);                         /* the pipe of a fifo that is open */
void tmp_fifo_gone(u32 id);
int fifo_forget(struct pipe *p);                        /* nobody can open it again; 0: it is open, and ends with its last end */
void tmp_put(u32 id);                                  /* an open file went away */
#endif
