/* capture.h: an order to a zygote, see control.h. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "tender.h"

void capture(const struct tc_order *, struct tc_reply *);
#endif
