/* child.h: the children of a zygote: UCs, spares and further zygotes. */
#ifndef CHILD_H
#define CHILD_H

#include "tender.h"

/* Files of /proc/PID that stay open, see proc_file. */
enum {
	PROC_SYSCALL, /* where it sleeps */
	PROC_MAPS, /* what is mapped */
	PROC_PAGEMAP, /* which pages are private */
	PROC_MEM, /* its memory, also what is read-only to it */
	PROC_STAT, /* page faults */
	PROC_FILES,
};

/* A place in the table of children. It holds one child at a time. */
struct child {
	u64 spent; /* ns on a processor when the child was last reset */
	u32 id; /* of the latest FORK or RESET: an order with another id is for a child that is gone */
	int pid; /* 0: none */
	int proc[PROC_FILES]; /* descriptor + 1, 0: not open */
};

#define CHILDREN ((struct child *)ZYGOTE_CHILDREN)

/* The place of an id. The caller compares child.id where a place may have been given away. */
static inline struct child *child_of(u32 id) { return &CHILDREN[id % TC_CHILDREN]; }

/* Makes an empty table, and kills from then on each child that is stopped. For a new zygote, which
 * knows no child yet. */
void child_init(void);

/* Forks a child that calls entry(channel, this process's id), and closes channel. A failed fork is
 * told on the channel (UC_EXIT_UNBORN). */
void child_fork(struct child *, int channel, void (*entry)(int, int));

/* Kills the process, if there is one, and closes its files of /proc. */
void child_kill(struct child *);

/* Waits for processes that were killed and have ended; interrupted: a signal came, so a child of
 * another process may have ended. */
void child_reap(int interrupted);
#endif
