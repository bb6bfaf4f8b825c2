/*
 * state.h: all mutable state of the libOS, at UC_STATE. What is written on every invocation stands together at the front,
 * so that a run dirties few pages; large tables follow, each from a page of its own.
 */
#ifndef STATE_H
#define STATE_H

#include "core/libos.h"

#define MAX_THREADS 1024 /* AWS Lambda's limit of processes and threads */
#define MAX_FDS     1024
#define MAX_FILES   2048
#define MAX_VMAS    65000
#define MAX_INODES  16384

/* ---- Threads ---- */
enum { T_FREE, T_RUN, T_WAIT, T_FUTEX };
enum { R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP, EFL, CSGSFS, ERR, TRAPNO, OLDMASK, CR2 };

struct kstack { u64 sp; i32 flags; u64 size; };

struct thread {
	u32 state, tid;
	u64 fs, ctid;
	u64 deadline;    /* now_mono() at which the wait ends; 0: none, or not yet set */
	u64 seen;        /* S->changes when the blocked call was last tried */
	u64 progress;    /* bytes that a blocked call has moved already */
	u64 futex;
	u32 futex_bits;  /* 0: waits to own it (owner.c) */
	u32 retrying;    /* the call now dispatched is a retry */
	u64 robust;      /* struct robust_list_head of the guest, 0: none */
	u64 trap_rip;    /* a rewritten call that traps after all goes on here */
	i64 answer;      /* and has been answered so, if answered is 1 */
	u32 answered, pad;
	u64 mask, pending, saved_mask;
	u32 has_saved_mask, fp_len;
	struct kstack alt;
	char name[16];
	u64 regs[23];
	u8 fp[] __attribute__((aligned(64)));
};

/* ---- Memory ---- */
enum { V_ANON, V_FILE, V_SHARED, V_STACK, V_HEAP, V_LIBOS };
struct vma { u64 start, end; u8 prot, kind, fs, flags; u32 inode, pgoff, pad; };

/* ---- Files ---- */
enum { K_FREE, K_FILE, K_DIR, K_NULL, K_ZERO, K_FULL, K_RANDOM, K_TEXT, K_CONSOLE, K_CHANNEL, K_PIPE_R, K_PIPE_W,
       K_EVENT, K_TIMER, K_EPOLL, K_SOCKET, K_SIGNAL, K_PROCESS, K_INOTIFY };
enum { FS_IMAGE, FS_TMP, FS_SYNTH };

struct vnode { u32 fs, id; };
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_IFLNK 0120000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define S_IFSOCK 0140000

struct file {
	u8 kind, fs;
	u16 refs;
	u32 flags;      /* O_ACCMODE, O_NONBLOCK, O_APPEND, O_PATH */
	u32 node;
	u64 pos;
	void *obj;      /* pipe, socket, eventfd, epoll, inotify instance, text */
	u64 aux;
	u32 serial, pad; /* differs from the file that had this slot before: epoll's sign of a closed file */
};

struct fd { u16 file; u8 used, cloexec; };

struct inode {      /* tmpfs */
	u32 mode, nlink, refs;
	u32 parent;     /* of a directory; of a file: what last gave it a name, 0: it has another name */
	u64 size, cap;
	u8 *data;       /* file bytes, symlink target, or directory entries */
	u64 mtime, atime, ctime;
	u32 maps, uid, gid;
	u32 room;       /* pages of addresses behind data that are kept free for it to grow into */
};

/* A growable queue of bytes: pipes, sockets, the channel. */
struct queue { u8 *p; u32 cap, head, len, max; };

struct state {
	struct uc_state pub;
	i64 mono_offset;            /* the guest's vDSO reads this by its address: keep first */
	u64 last_mono, last_boot_id;
	u64 *frame;                 /* registers in the signal frame of the current call */
	u32 cur, next_tid;
	u32 nthreads, resched;
	u64 host_fs;                /* what FS base is now */
	u32 owner, pad6;            /* 1 + the parked thread whose state the frame still has, 0: none */
	u64 changes;                /* anything that may let a blocked call go on: see sched.c */

	/* memory.c */
	u32 nvmas, pad0;
	u64 brk_start, brk, hint;
	u64 text, code, stacks;     /* not charged, in bytes: see vma.c */
	u64 snap_top;               /* pages at or above are anonymous: nothing of a snapshot is under them */

	struct slots { u64 at; u32 used; } slots[4]; /* rewrite.c; the first is near the program */
	struct site { u32 rip, traps; } sites[16];

	/* heap.c */
	void *bins[8];
	u64 slab, slab_end;

	/* files */
	u32 nfds_hint, umask;
	struct vnode cwd;
	struct mount { struct vnode parent, root; char name[8]; } mounts[8];
	u32 nmounts, tmp_free;
	char exe[256];
	struct queue chan;          /* bytes of the driver that the guest has not read */
	u32 chan_eof, want_out;
	u32 next_conn, next_serial, next_id;
	struct queue words;         /* about connections, for which the channel had no room: packets, each whole (host.c) */

	/* exec.c: for /proc/self */
	u64 argv_start, argv_end, env_start, env_end, auxv_start, auxv_end, stack_top;

	/* signal.c */
	struct ksigaction { u64 handler, flags, restorer, mask; } sigactions[65];
	u64 proc_pending;
	u64 itimer_deadline, itimer_interval;
	struct cpu_timer { u64 deadline, interval, seen; } cpu_timers[2]; /* ITIMER_VIRTUAL and ITIMER_PROF, on the process's CPU time */
	u32 groups[32], ngroups;
	i32 nice;
	u32 timers, refused;        /* a timerfd was ever armed; mem_limit was ever met */
	void *sockets;              /* list of all sockets, for lookup by address and id */
	struct notifier *notifiers; /* list of all inotify instances */
	u32 notify_cookie, pad7;    /* of the last rename that was watched */

	struct thread *threads[MAX_THREADS]; /* grows to the most that there were at a time; later pages stay untouched */

	u32 calls[512] __attribute__((aligned(4096)));
	u32 unknown[512];
	struct fd fds[MAX_FDS] __attribute__((aligned(4096)));
	struct file files[MAX_FILES] __attribute__((aligned(4096)));
	struct inode inodes[MAX_INODES] __attribute__((aligned(4096)));
	struct vma vmas[MAX_VMAS] __attribute__((aligned(4096)));
};

_Static_assert(offsetof(struct state, mono_offset) == sizeof(struct uc_state), "the vDSO knows this address");
_Static_assert(sizeof(struct state) <= UC_STATE_SIZE, "state");

#define S ((struct state *)UC_STATE)
#define SELF (S->threads[S->cur])

/* ---- memory.c ---- */
void memory_init(void);
u64 region_alloc(u64 len, u8 kind);         /* zeroed, whole pages, 0 when the limit forbids */
void region_free(u64 start, u64 len);
i64 vma_map(u64 hint, u64 len, int prot, int flags, u8 kind);
struct vma *vma_find(u64 addr);

/* ---- heap.c: objects of the libOS; zeroed; NULL when memory is at its limit ---- */
void *kalloc(u64 n);
void kfree(void *p, u64 n);
i64 queue_put(struct queue *, const void *, u64); /* bytes taken, at most what fits under max; -ENOMEM */
i64 queue_put_user(struct queue *, u64 src, u64 n);
i64 queue_get_user(struct queue *, u64 dst, u64 n, int peek);
void queue_free(struct queue *);

/* ---- sched.c ---- */
struct thread *thread_new(void);
void thread_exit(void);
void schedule(void);                        /* loads the next thread that can run into the frame; may sleep */
void park(u32 state);                       /* saves the frame into SELF */
void changed(void);                         /* blocked calls may go on */
i64 block(u64 timeout_ns);                  /* BLOCKED, or -ETIMEDOUT when the deadline of this call has passed */
#define FOREVER (~0ull)
u64 dispatch(u64 n, u64 *regs);
void preempt(void);
u64 next_deadline(void);
void file_deadlines(u64 *best);             /* armed timerfds */

/* ---- rewrite.c ---- */
#define SLOTS_SIZE (4 * PAGE)
void rewrite_reserve(u64 at);               /* slots for a program that lies in LOW */
void rewrite(const u64 *regs);              /* of a call that trapped */
int signal_waits(void);                     /* signal_deliver has work */

/* ---- futex.c ---- */
int futex_wake(u64 addr, int n, u32 bits);

/* ---- owner.c ---- */
void owner_exit(void);                      /* the running thread ends: others get what it held */

/* ---- exec.c ---- */
i64 exec_boot(void);

/* ---- path.c ---- */
i64 walk(int dirfd, const char *path, int follow, struct vnode *out);        /* 0 or -errno; NULL path: the fd itself */
i64 walk_parent(int dirfd, const char *path, struct vnode *dir, char *name); /* name: 256 bytes, "" for "/" */
i64 lookup(struct vnode dir, const char *name, u64 len, struct vnode *out);
u32 vnode_mode(struct vnode v);
i64 vnode_bytes(struct vnode v, const u8 **p, u64 *size);                    /* a regular file, in memory */
i64 vnode_path(struct vnode v, char *buf, u64 cap);
i64 vnode_readlink(struct vnode v, char *buf, u64 cap);
int vnode_entry(struct vnode dir, u64 *pos, const char **name, u32 *len, u64 *ino, u8 *type); /* 0 at the end */
u64 vnode_ino(struct vnode v);
void mounts_init(void);

/* ---- tmpfs.c ---- */
i64 tmp_share(u32 inode, u64 off, u64 len); /* address of a shared mapping of a file */
i64 tmp_remap(u64 at, u64 old, u64 len);

/* ---- file.c, fd.c ---- */
void files_init(void);
i64 file_new(u8 kind, u32 flags, void *obj); /* index or -ENFILE */
i64 fd_install(i64 file, int cloexec);       /* fd, or -errno (the file is released); takes an errno through */
i64 fd_new(u8 kind, u32 flags, void *obj, int cloexec);
struct file *fd_file(u64 fd);                /* NULL: -EBADF */
i64 fd_close(u64 fd);
i64 fd_index(u64 fd);                        /* of files, or -EBADF */
void file_put(u32 file);
i64 file_read(struct file *, u64 buf, u64 n, i64 off);
i64 file_write(struct file *, u64 buf, u64 n, i64 off); /* off: -1 for the file's own position */
u32 file_poll(struct file *);                /* EPOLL* bits */
i64 would_block(struct file *);              /* -EAGAIN if O_NONBLOCK, else BLOCKED */

#define POLLIN 1
#define POLLPRI 2
#define POLLOUT 4
#define POLLERR 8
#define POLLHUP 16
#define POLLNVAL 32
#define POLLRDHUP 0x2000

/* ---- What each kind of file does: pipe.c, event.c, epoll.c, socket.c, notify.c. read and write return bytes, 0, -EAGAIN or errno ---- */
i64 pipe_read(struct file *, u64 buf, u64 n);
i64 pipe_write(struct file *, u64 buf, u64 n);
u32 pipe_poll(struct file *);
i64 fifo_open(u32 inode, u32 flags);
void pipe_close(struct file *);
i64 event_read(struct file *, u64 buf, u64 n);
i64 event_write(struct file *, u64 buf, u64 n);
u32 event_poll(struct file *);
i64 timerfd_read(struct file *, u64 buf, u64 n);
u32 timerfd_poll(struct file *);
u32 epoll_poll(struct file *);
void epoll_close(struct file *);
i64 socket_read(struct file *, u64 buf, u64 n);
i64 socket_write(struct file *, u64 buf, u64 n);
u32 socket_poll(struct file *);
void socket_close(struct file *);
i64 notify_read(struct file *, u64 buf, u64 n);
u32 notify_poll(struct file *);
u32 notify_readable(struct file *); /* bytes */
void notify_close(struct file *);
void raise_sigpipe(void);
#endif
