/* map.h: mappings, and pages that are there before somebody needs them. Every role may call these. */
#ifndef MAP_H
#define MAP_H

#include "tender.h"

/* Maps zeroed memory (fd -1) or a file at a fixed address of this process, which no child inherits.
 * 0 or -errno. */
i64 map_alone(u64 at, u64 len, int fd);

/* Makes the pages of ranges present; advice is MADV_POPULATE_READ or MADV_POPULATE_WRITE. Ranges
 * that cannot be populated are left to fault when they are used. */
void populate(const struct iovec *, u32 n, int advice);

/* Writes to each page of ranges that are populated for writing, and changes nothing. */
void touch(const struct iovec *, u32 n);
#endif
