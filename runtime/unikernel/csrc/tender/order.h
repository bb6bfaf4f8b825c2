/* order.h: the one order of a spare, and the pages that it lays. */
#ifndef ORDER_H
#define ORDER_H

#include "tender.h"

/* The order is received where the UC's libOS keeps its packets: memory that the UC has anyway. */
#define ORDER ((struct tc_run *)UC_STACK)

enum { ORDER_FDS = 24 }; /* descriptors of an order at most */

/* What follows struct tc_run, wherever it lies, and the descriptors that came with it. */
struct order {
	const struct tc_extent *extents; /* tc_run.extents of them */
	const char *strings; /* tc_run.strings bytes */
	const u8 *patches; /* tc_run.patches bytes */
	int fds[ORDER_FDS], nfds;
};

/* Finds the parts behind an order of n bytes. The process ends if they are shorter than the order
 * says. */
void unspill(struct order *, i64 n);

/* Maps, zeroes and reads the extents, and lays the patches over them. The process ends if that
 * fails. */
void lay(const struct order *);
#endif
