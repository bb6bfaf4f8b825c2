/*
 * prefetch.h: pages that are present in a spare before its order comes, because every UC of the
 * zygote uses them. The list is written once, when the zygote is made, and its spares inherit it.
 */
#ifndef PREFETCH_H
#define PREFETCH_H

#include "order.h"

/* In a spare that becomes a zygote: makes the list of its future spares out of its order. */
void prefetch_make(const struct order *);

/* In a spare: makes the pages present. */
void prefetch(void);
#endif
