/* private.h: the private pages of each child, remembered. See private.c for why a list stays true. */
#ifndef PRIVATE_H
#define PRIVATE_H

#include "child.h"

/* Maps the memory for the lists of all children. For a new zygote. */
void private_init(void);

/* Lists in t the private pages of the region, and of the stack where stack is set. 1, or 0 if they
 * are not known. */
int private_list(struct child *, int stack, struct table *);

/* t, which is sorted, has all private pages of a child that sleeps. The top of its stack is taken
 * for one more. */
void private_record(struct child *, const struct table *);

/* The zygote has written these extents into the child: the list stays only if it has them all. */
void private_written(struct child *, const struct tc_extent *, u32 n);

/* Nothing is known any more: the child is another one, or pages became its own in a way that nobody
 * counts. */
void private_forget(struct child *);
#endif
