/*
 * patch.h: a page as the words in which it differs from another page, as in Difference Engine
 * (Gupta et al., OSDI 2008). Most pages that a UC has written differ by a few words from what it
 * began with: counters, locks, pointers into a stack.
 */
#ifndef PATCH_H
#define PATCH_H

#include "tender.h"

/* Writes to out the runs of words (struct tc_words, then the words) in which page is not what lies
 * beneath. Returns their bytes, at most PATCH_MAX. */
u32 patch_runs(const u8 *page, const u8 *beneath, u8 *out);
#define PATCH_MAX (sizeof(struct tc_words) + PAGE)

/* The patch at *at of n bytes of patches; *at moves behind it. NULL at their end, or where they are
 * malformed. */
const struct tc_patch *patch_next(const u8 *patches, u32 n, u32 *at);

/* Patches a page that has what lay beneath. */
void patch_page(u8 *page, const struct tc_patch *);

static inline u64 patch_address(const struct tc_patch *h) { return (u64)h->page * PAGE; }
static inline u32 patch_bytes(const struct tc_patch *h) { return h->bytes & ~TC_ON_ZEROS; }
#endif
