/*
 * order.c: see order.h. What a spare has at an address is decided by layers, the lowest first: what
 * the zygote has there; mapped and zeroed extents; copied extents; patches. Each is laid over those
 * before it. A deploy has copied and zeroed extents, a new zygote mapped ones too, a UC that wakes
 * from hibernation patches.
 *
 * Every failure ends the process: a spare that is half laid is of no use, and the platform hears
 * why on the channel.
 */
#include "order.h"
#include "map.h"
#include "patch.h"
#include "wire.h"

enum { MAX_RANGES = 256 }; /* of one system call */

void unspill(struct order *o, i64 n)
{
	const struct tc_run *r = ORDER;
	/* No sum overflows: the numbers are 32 bits wide. */
	u64 want = (u64)r->extents * sizeof(struct tc_extent) + r->strings + r->patches;
	/* The parts follow the head in the packet, or lie in a file from its start on. */
	const char *body = (const char *)(r + 1);
	if (r->spilled) {
		if (o->nfds < 1)
			quit("order without its spilled part", -EBADMSG);
		i64 p = SYS6(mmap, 0, PAGE_UP(want), PROT_READ, MAP_PRIVATE, o->fds[o->nfds - 1], 0);
		if (FAILED(p))
			quit("map the order", p);
		body = (const char *)p;
	} else if ((u64)n < sizeof *r + want) {
		quit("short order", -EBADMSG);
	}
	o->extents = (const struct tc_extent *)body;
	o->strings = body + (u64)r->extents * sizeof(struct tc_extent);
	o->patches = (const u8 *)o->strings + r->strings;
}

/* Pages that are made present together cost one system call instead of a page fault each. */
static void populate_copied(const struct tc_extent *l, u32 n)
{
	struct iovec v[MAX_RANGES];
	u32 m = 0;
	for (u32 i = 0; i < n; i++) {
		if (l[i].kind == TC_COPIED)
			v[m++] = (struct iovec){ (void *)l[i].addr, l[i].pages * PAGE };
		/* The list is full, or the extents are at their end. */
		if (m == MAX_RANGES || i + 1 == n) {
			populate(v, m, MADV_POPULATE_WRITE);
			m = 0;
		}
	}
}

/* One call reads extents that are contiguous in the arena, wherever they go. */
static void read_copied(const struct tc_extent *l, u32 n)
{
	struct iovec v[MAX_RANGES];
	for (u32 i = 0; i < n;) {
		u64 off = l[i].off, len = 0;
		u32 k = 0;
		for (; i < n && k < MAX_RANGES && l[i].kind == TC_COPIED && l[i].off == off + len; i++, k++) {
			v[k] = (struct iovec){ (void *)l[i].addr, l[i].pages * PAGE };
			len += v[k].iov_len;
		}
		/* An extent of another kind. */
		if (!k) {
			i++;
			continue;
		}
		/* preadv(2) fills the ranges one after the other. */
		i64 r = SYS5(preadv, FD_ARENA, v, k, off, 0);
		if (r != (i64)len)
			quit("read pages of the snapshot", r < 0 ? r : -EIO);
	}
}

/* Two passes over the patches: all pages are populated before the first is written. */
static void lay_patches_here(const u8 *patches, u32 n)
{
	struct iovec v[MAX_RANGES];
	const struct tc_patch *h;
	u32 k = 0;
	for (u32 at = 0;;) {
		h = patch_next(patches, n, &at);
		if (h)
			v[k++] = (struct iovec){ (void *)patch_address(h), PAGE };
		if (!h || k == MAX_RANGES) {
			populate(v, k, MADV_POPULATE_WRITE);
			k = 0;
		}
		if (!h)
			break;
	}
	for (u32 at = 0; (h = patch_next(patches, n, &at));)
		patch_page((u8 *)patch_address(h), h);
}

void lay(const struct order *o)
{
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC, fixed = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
	const struct tc_extent *l = o->extents;
	u32 n = ORDER->extents;
	for (u32 i = 0; i < n; i++) {
		u64 at = l[i].addr, len = l[i].pages * PAGE;
		int file =
			l[i].kind == TC_MAPPED && TC_ZYGOTE_FDS + l[i].file < o->nfds ? o->fds[TC_ZYGOTE_FDS + l[i].file] : -1;
		i64 r = 0;
		/* Copied extents are read below, over the memory that is there. */
		switch (l[i].kind) {
		case TC_MAPPED: r = SYS6(mmap, at, len, rwx, fixed, file, l[i].off); break;
		case TC_ZEROED: r = SYS6(mmap, at, len, rwx, fixed | MAP_ANONYMOUS, -1, 0); break;
		}
		if (FAILED(r))
			quit("map pages of the snapshot", r);
	}
	populate_copied(l, n);
	read_copied(l, n);
	lay_patches_here(o->patches, ORDER->patches);
}
