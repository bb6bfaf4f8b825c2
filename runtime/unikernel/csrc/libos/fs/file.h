/*
 * file.h: open files, the operations of their kinds, and descriptors.
 *
 * A descriptor is a number that leads to an open file; several may lead to one. An open file has a
 * position, flags and a kind. A kind is a struct file_ops: the file that implements the kind hands
 * its operations to file_new, and nobody above has to know which kinds there are. Who has to tell
 * one kind apart compares the pointer.
 *
 * A file of a file system names its vnode by fs and node. All other files have their content behind
 * obj.
 */
#ifndef FILE_H
#define FILE_H
#include "base/libos.h"

#define MAX_FDS 1024 /* descriptors: what RLIMIT_NOFILE says */
#define MAX_FILES 2048 /* open files; messages under way may hold some besides the descriptors */

struct file;

/* file_ops.splice: splice(2) and sendfile(2) move bytes out of, into such files. */
enum { SPLICE_FROM = 1, SPLICE_TO = 2 };

/* A missing operation answers as Linux does for a file without it; see file.c. */
struct file_ops {
	const char
		*name; /* the link in /proc/self/fd; NULL: the vnode's path. A name that ends in '[' goes on with a number */
	u32 mode; /* st_mode of a file that no path leads to; 0: fs and node are its vnode, which knows */
	u32 device; /* st_rdev */
	u32 pipe_size; /* F_GETPIPE_SZ; 0: not a pipe */
	u32 splice; /* SPLICE_* */
	/* Bytes moved, 0 at the end, -EAGAIN where a blocking call is to wait. off: -1 for the file's
	 * own position. */
	i64 (*read)(struct file *, u64 buf, u64 n, i64 off);
	i64 (*write)(struct file *, u64 buf, u64 n, i64 off);
	u64 (*patience)(struct file *, int write); /* ns that a call waits, FOREVER; missing: for ever */
	u32 (*poll)(struct file *); /* POLL* bits; missing: always ready, and epoll refuses the file */
	u32 (*edge)(struct file *); /* a number that moves whenever something arrives, for edge-triggered epoll */
	u64 (*size)(struct file *); /* for SEEK_END; missing: the file has no position */
	u64 (*readable)(struct file *); /* FIONREAD; missing: 0 */
	i64 (*map)(struct file *, u64 at, u64 len, int prot, int flags, u64 off); /* mmap; missing: -ENODEV */
	i64 (*ioctl)(struct file *, u32 cmd, u64 arg); /* what sys_ioctl does not know; missing: -ENOTTY */
	void (*close)(struct file *); /* the last reference is gone */
};

struct file {
	const struct file_ops *ops;
	u16 refs; /* descriptors, and messages under way (rights.c); 0: the slot is free */
	u8 fs, pad;
	u32 flags; /* O_ACCMODE, O_NONBLOCK, O_APPEND, O_PATH */
	u32 node;
	u32 serial; /* differs from the file that had this slot before: epoll's sign of a closed file */
	u64 pos;
	void *obj; /* pipe, socket, event, timer, epoll, inotify instance, text */
	u64 aux; /* a text's length, a console's stream */
};

struct fd {
	u16 file;
	u8 used, cloexec;
};

/* ---- file.c ---- */
i64 file_new(const struct file_ops *, u32 flags, void *obj); /* index or -ENFILE */
void file_put(u32 file);
i64 file_read(struct file *, u64 buf, u64 n, i64 off);
i64 file_write(struct file *, u64 buf, u64 n, i64 off);
i64 file_wait(struct file *, int write); /* not ready: blocks; -EAGAIN: the call is not to wait (any longer) */
u32 file_poll(struct file *);
u32 file_edge(struct file *);
static inline int file_named(const struct file *f) { return !f->ops->mode; } /* fs and node are a vnode */

/* ---- fd.c ---- */
i64 fd_install(i64 file, int cloexec); /* fd, or -errno (the file is released); takes an errno through */
i64 fd_new(
	const struct file_ops *, u32 flags, void *obj, int cloexec); /* as file_new and fd_install; obj is not released */
struct file *fd_file(u64 fd); /* NULL: -EBADF */
i64 fd_close(u64 fd);
i64 fd_index(u64 fd); /* of files, or -EBADF */
i64 fd_pair(i64 a, i64 b, u64 out); /* two descriptors to the guest; both are closed if it cannot be told them */

/* ---- Kinds that others have to tell apart ---- */
extern const struct file_ops regular_ops, directory_ops; /* regular.c */
/* aux of a console; 0: opened by a name */
enum { STDOUT = 1, STDERR = 2 };
extern const struct file_ops null_ops, zero_ops, full_ops, random_ops, console_ops; /* devices.c */
extern const struct file_ops pipe_read_ops, pipe_write_ops; /* pipe.c */
#endif
