/* reset.h: a UC that has served becomes a spare again (abi/uc.h, UC_SLEEP_CALL). */
#ifndef RESET_H
#define RESET_H

#include "tender.h"

/* Notes how the region is mapped in this zygote. For a new zygote, before its first fork. */
void reset_init(void);

/* Orders to a zygote, see control.h. */
void reset(const struct tc_order *, struct tc_reply *);
void reuse(const struct tc_order *, struct tc_reply *);
#endif
