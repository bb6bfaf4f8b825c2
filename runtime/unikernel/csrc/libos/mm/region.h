/*
 * region.h: memory of the region, for the guest's mappings and for the libOS itself.
 *
 * Lengths are in bytes and are rounded up to pages. kind is one of vma.h's V_*: it decides what the
 * mapping is charged, and whether the guest can take it away.
 */
#ifndef REGION_H
#define REGION_H
#include "base/libos.h"

void memory_init(void); /* once, at boot */
int in_region(u64 at, u64 len); /* all of it is memory that a guest may map */
int is_free(u64 at, u64 len); /* nothing is mapped in the range */
i64 vma_map(u64 hint, u64 len, int prot, int flags, u8 kind); /* the address, or -errno */
u64 region_alloc(u64 len, u8 kind); /* zeroed, whole pages, 0 when the limit forbids */
void region_free(u64 start, u64 len); /* whole pages; len as it was allocated with */
#endif
