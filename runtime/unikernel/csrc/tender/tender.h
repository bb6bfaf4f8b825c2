/* tender.h: what the files of the tender share. */
#ifndef TENDER_H
#define TENDER_H

#include "sys.h"
#include "control.h"
#include "../../abi/uc.h"

/* Descriptors of a zygote. 3 is its control socket, or the channel of a spare. */
enum { FD_CONTROL = UC_CHANNEL_FD, FD_LIBOS = 4, FD_PROC = 5, FD_HUGE = 6, FD_ARENA = 7, FD_SCRATCH = 8, FD_FIRST_FREE = 16 };

/* Mappings of a zygote that its children do not inherit. */
#define ZYGOTE_CHILDREN 0x00007d8000000000ull /* struct child[TC_CHILDREN] */
#define ZYGOTE_SCRATCH  0x00007d8010000000ull
#define ZYGOTE_BUFFER   0x00007d8020000000ull /* of a capture: pages at hand, and the list of all */
#define ZYGOTE_BUFFER_SIZE TC_SCRATCH
#define ZYGOTE_PRIVATE      0x00007d8040000000ull /* what private.c knows of each child, two pages */
#define ZYGOTE_ARENA    0x00007d9000000000ull /* the arena, as much of it as there is */
#define ZYGOTE_ARENA_SIZE (256ull << 30)
#define ZYGOTE_COPY     0x00007de000000000ull /* target of a COPY */

/* What a zygote knows of a child; descriptors are + 1, 0 for none. Files of /proc stay open once it was reset. */
enum { PROC_SYSCALL, PROC_MAPS, PROC_PAGEMAP, PROC_MEM, PROC_STAT, PROC_FILES };
struct child {
	u64 spent;  /* ns on a processor when it was last reset */
	u32 id;     /* of the latest FORK or RENEW: an order with another id is for a child that is gone */
	int pid, proc[PROC_FILES];
};
#define CHILDREN ((struct child *)ZYGOTE_CHILDREN)

/*
 * Data of a zygote that the program writes. A zygote shares its data with every spare that it forked (start.S), so a spare must write
 * none of it: the link refuses data without this mark, and a test refuses the mark in the files that a spare runs.
 */
#define ZYGOTE_DATA __attribute__((section(".bss.zygote")))

/* What a spare populates before its order comes: written once, when its zygote is made, and inherited. */
struct prefetch { u32 touched, read; struct iovec v[4000]; };
#define ZYGOTE_PREFETCH 0x00007e00001d0000ull
#define PREFETCH ((struct prefetch *)ZYGOTE_PREFETCH)
_Static_assert(sizeof(struct prefetch) <= 0x10000, "prefetch");
_Static_assert(ZYGOTE_PREFETCH + 0x10000 == UC_TENDER + UC_TENDER_SIZE, "prefetch");

extern struct tc_machine machine; /* found out once, by the root */

/* setup.c: NULL, or the step that failed, and then *err */
const char *setup_world(const u64 *auxv, i64 *err);
void note_capabilities(void); /* a zygote notes which it has */
void drop_capabilities(void); /* a spare gives them up for good */

/* zygote.c */
_Noreturn void zygote_loop(void);
void zygote_init(void);

/* spare.c */
_Noreturn void spare_main(int channel);

void host_block(struct uc_host *, const struct tc_run *);
void populate(const struct iovec *, u32 n, int advice);

/* Entries of the table in scratch. */
struct table { struct tc_page *p; u32 n, max; };

/* capture.c */
void capture(const struct tc_order *, struct tc_reply *);
int discarded(const struct uc_state *, u64 address);

/* pages.c */
void scan_pages(const struct tc_order *, struct tc_reply *);
void copy_pages(const struct tc_order *, struct tc_reply *, int fd);
void peek(const struct tc_order *, struct tc_reply *);
void set_limit(const struct tc_order *, struct tc_reply *);
void stat_text(const struct tc_order *, struct tc_reply *);
int proc_open(int pid, const char *name, int flags);
u64 time_spent(int pid); /* ns on a processor */

i64 scan_range(int pagemap, u64 start, u64 end, struct table *);
i64 list_pages(const struct tc_order *, struct tc_reply *, struct table *);
i64 read_pages(int pid, const struct table *, u8 *base); /* all entries, to where base + off says */
i64 still_asleep(int pid);

/* private.c */
int private_list(struct child *, int stack, struct table *); /* 1: t has the child's own pages, of its stack too */
void private_record(struct child *, const struct table *);    /* they are these, and the top of its stack */
void private_written(struct child *, const struct tc_extent *, u32 n);
void private_forget(struct child *);

/* patches.c */
void patches(const struct tc_order *, struct tc_reply *);
i64 lay_patches(int pid, const struct tc_extent *, u32 extents, const u8 *, u32 n);
void lay_patches_here(const u8 *, u32 n);

/* watch.c */
void watch(const struct tc_order *, struct tc_reply *);

/* reset.c */
void reset_init(void); /* a zygote notes how its region is mapped */
void reset(const struct tc_order *, struct tc_reply *);
void reuse(const struct tc_order *, struct tc_reply *);
int proc_file(struct child *, int which); /* a file of /proc/PID, which stays open */
i64 sleeps_in(struct child *, const char *call); /* how its line in /proc/PID/syscall begins; -EAGAIN */

/* start.S */
void fresh_data(void);
i64 fork_spare(int channel, u64 stack);
_Noreturn void switch_stack(void (*to)(void));

/* wire.c */
i64 receive(void *buf, u64 cap, int *fds, int max, int *nfds);
void reply(const struct tc_reply *, int fd);
void reply_with(const struct tc_reply *, const void *body, u64 len);
_Noreturn void quit(const char *what, i64 err); /* says so on descriptor 3, as a UC_MSG_EXIT */
char *decimal(char *, u64);                     /* writes, returns the end */
int is_map(u64 address);
#define FAILED(r) ((u64)(r) > (u64)-4096)
#endif
