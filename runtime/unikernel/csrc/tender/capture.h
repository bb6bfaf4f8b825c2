/* capture.h: the order TC_CAPTURE to a zygote, see control.h. The reply is complete when it
 * returns: a page that changes later is no part of the capture. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "tender.h"

void capture(const struct tc_order *, struct tc_reply *);
#endif
