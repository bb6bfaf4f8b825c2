/*
 * state.h: all mutable state of the libOS, at UC_STATE.
 *
 * Words that every invocation writes stand together at the front, so that a run dirties few pages:
 * each page that a run writes is a private page of that UC, which a reset has to put back. Large
 * tables follow, each from a page of its own: a page of a table that was never used is never
 * touched, and costs nothing in a snapshot.
 *
 * A guest can write here, since the region is its memory; what it breaks is its own libOS. The host
 * believes nothing of it but what abi/uc.h says.
 *
 * Pointers in the state are addresses of the region, or of the libOS's read-only segment. Both are
 * the same in every UC that a snapshot is restored into: a snapshot belongs to one build
 * (libos_id).
 */
#ifndef STATE_H
#define STATE_H

#include "base/libos.h"
#include "core/rewrite.h"
#include "fs/file.h"
#include "fs/path.h"
#include "fs/tmpfs.h"
#include "mm/queue.h"
#include "mm/vma.h"
#include "sched/signal.h"
#include "sched/thread.h"

#define MAX_CALLS 512 /* call numbers that the books below tell apart */
#define MAX_GROUPS 32
#define HEAP_BINS 8
#define SLOT_RUNS 4
#define SITES 16

struct state {
	struct uc_state pub; /* what a tender reads: abi/uc.h */
	i64 mono_offset; /* nanoseconds; the guest's vDSO reads this word by its address: keep it first */
	/* The host's clock when the UC last slept, for a restore after a reboot. */
	u64 last_mono;
	u64 *frame; /* registers in the signal frame of the current call */
	u32 cur, next_tid; /* index of the running thread in threads; id of the next one that is made */
	u32 nthreads, resched; /* slots of threads in use; the tick came during a call */
	u64 host_fs; /* the FS base that the host thread has now */
	u32 owner, pad6; /* 1 + the parked thread whose floating point state the frame still has, 0: none */
	u64 changes; /* counts what may let a blocked call go on: schedule.c */

	/* mm */
	u32 nvmas, pad0;
	u64 brk_start, brk, hint; /* hint: no gap that could serve a mapping lies below */
	u64 text, code, stacks; /* bytes that are not charged: vma.c */
	u64 snap_top; /* pages at or above are anonymous: nothing of a snapshot is under them */

	struct slots slots[SLOT_RUNS]; /* the first run is near the program */
	struct site sites[SITES];

	void *bins[HEAP_BINS]; /* free objects by size */
	u64 slab, slab_end;

	/* fs */
	u32 umask, pad1;
	struct vnode cwd;
	const struct fs_ops *fs[FS_COUNT];
	struct mount mounts[MAX_MOUNTS];
	u32 nmounts, tmp_free; /* tmp_free: every inode below is in use */
	char exe[256];
	i64 (*file_path)(struct vnode, char *buf, u64 cap); /* vnode_path, for the crash report of signal.c */

	/* The channel */
	const struct inbox_ops *inbox;
	struct queue chan; /* bytes of the driver that the guest has not read */
	u32 want_out, pad2; /* want_out: the channel was full when something was to be sent */
	u32 next_conn, next_serial, next_id;
	struct queue words; /* messages about connections for which the channel had no room, each whole: channel.c */

	/* exec.c: for /proc/self */
	u64 argv_start, argv_end, env_start, env_end, auxv_start, auxv_end, stack_top;

	struct ksigaction sigactions[SIGNALS + 1];
	u64 proc_pending; /* signals for the process, for whichever thread takes them first */
	u64 itimer_deadline, itimer_interval;
	struct cpu_timer cpu_timers[2]; /* ITIMER_VIRTUAL and ITIMER_PROF, on the process's CPU time */
	u32 groups[MAX_GROUPS], ngroups;
	i32 nice;
	u32 timers, refused; /* a timerfd was ever armed; mem_limit was ever met */
	struct sock *sockets; /* list of all sockets, for look-up by address and by id */
	const struct notify_ops *notify; /* NULL: there is no inotify instance, and no event is worth a call */
	struct notifier *notifiers; /* list of all inotify instances */
	u32 notify_cookie, pad7; /* of the last rename that was watched */

	struct thread *threads[MAX_THREADS]; /* grows to the most that there were at a time; later pages stay untouched */

	u32 calls[MAX_CALLS] __attribute__((aligned(4096)));
	u32 unknown[MAX_CALLS];
	struct fd fds[MAX_FDS] __attribute__((aligned(4096)));
	struct file files[MAX_FILES] __attribute__((aligned(4096)));
	struct inode inodes[MAX_INODES] __attribute__((aligned(4096)));
	struct vma vmas[MAX_VMAS] __attribute__((aligned(4096)));
};

_Static_assert(offsetof(struct state, mono_offset) == sizeof(struct uc_state), "the vDSO knows this address");
_Static_assert(sizeof(struct state) <= UC_STATE_SIZE, "state");

#define STACK_SIZE (8ull << 20) /* of the first thread, and what RLIMIT_STACK says */
#define MEM_TOTAL (HOST->mem_limit ? HOST->mem_limit : 8ull << 30) /* what a guest is told that it has */

#define S ((struct state *)UC_STATE)
#define SELF (S->threads[S->cur])

/* Blocked calls may go on: something was written, closed, connected, or came from the host. */
static inline void changed(void) { S->changes++; }
#endif
