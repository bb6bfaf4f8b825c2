/* patches.h: all that is kept of a UC that hibernates: its private pages as patches over what its
 * deploy laid. */
#ifndef PATCHES_H
#define PATCHES_H

#include "tender.h"

/* An order to a zygote, see control.h. */
void patches(const struct tc_order *, struct tc_reply *);

/* Writes n bytes of patches into a UC that was reset, over the extents that are laid in it already.
 * 0 or -errno. */
i64 lay_patches(int pid, const struct tc_extent *, u32 extents, const u8 *patches, u32 n);
#endif
