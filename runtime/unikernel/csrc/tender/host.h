/* host.h: the host block of a UC (struct uc_host in abi/uc.h). */
#ifndef HOST_H
#define HOST_H

#include "tender.h"

/* Fills all but the strings, magic last: from then on the zygote may change the limits (TC_LIMIT). */
void host_block(struct uc_host *, const struct tc_run *);
#endif
