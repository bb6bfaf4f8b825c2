/* watch.h: the order TC_WATCH to a zygote, see control.h. It reads one line of /proc for each
 * child. */
#ifndef WATCH_H
#define WATCH_H

#include "tender.h"

void watch(const struct tc_order *, struct tc_reply *);
#endif
