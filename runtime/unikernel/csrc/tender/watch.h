/* watch.h: an order to a zygote, see control.h. */
#ifndef WATCH_H
#define WATCH_H

#include "tender.h"

void watch(const struct tc_order *, struct tc_reply *);
#endif
