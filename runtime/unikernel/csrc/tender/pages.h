/* pages.h: the pages of a child: which are private, what they hold, and whether it slept meanwhile. */
#ifndef PAGES_H
#define PAGES_H

#include "child.h"

/* Appends to t the private pages in [start, end), whatever the guest says of itself. pagemap: an
 * open /proc/PID/pagemap. 0, -ENOSPC or another -errno. */
i64 scan_range(int pagemap, u64 start, u64 end, struct table *t);

/*
 * Reads the state of a sleeping UC into scratch and lists its private pages in t; with TC_SHARED in
 * o->flags those that are mapped from a file and unchanged. Offsets count pages from slot o->a on.
 * r->a = pages, r->b = wakes. -EAGAIN: it is not asleep.
 */
i64 list_pages(const struct tc_order *, struct tc_reply *, struct table *);

/* Reads all ranges of t to base + off. */
i64 read_pages(int pid, const struct table *t, u8 *base);

/* 0: the UC has slept since list_pages, so what was read of it is consistent. -EAGAIN: it woke. */
i64 still_asleep(int pid);

/* Whether the guest gave the page back since its restore, see uc_state.discard. */
int discarded(const struct uc_state *, u64 address);

/* Orders to a zygote, see control.h. */
void scan_pages(const struct tc_order *, struct tc_reply *);
void copy_pages(const struct tc_order *, struct tc_reply *, int fd);
#endif
