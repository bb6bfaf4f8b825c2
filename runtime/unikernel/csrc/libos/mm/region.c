/*
 * region.c: memory of the region (abi/uc.h), for the guest's mappings and for the libOS itself.
 *
 * The host has one mapping, LOW and HIGH, readable, writable and executable; a guest's mmap changes
 * the book of mappings (vma.c) and no page table. So mappings cost no host call, and protection is
 * not enforced: a guest that writes to what it mapped read-only harms itself alone. Addresses are
 * handed out from the bottom, so that a snapshot's pages lie close together.
 */
#include "base/state.h"
#include "mm/region.h"

/* At boot. Nothing is touched yet but the state itself. */
void memory_init(void)
{
	S->hint = UC_HIGH + UC_STATE_SIZE;
	S->snap_top = UC_HIGH;
	S->pub.low_top = UC_LOW;
	S->pub.high_top = UC_STATE + UC_STATE_SIZE;
}

/* LOW is whole; HIGH begins behind the state, which a guest must not map over. */
int in_region(u64 a, u64 len)
{
	return (a >= UC_LOW && a <= UC_LOW_END && len <= UC_LOW_END - a) ||
		(a >= UC_HIGH + UC_STATE_SIZE && a <= UC_HIGH_END && len <= UC_HIGH_END - a);
}

/* The first mapping that ends above at begins at or above the range's end. */
int is_free(u64 a, u64 len)
{
	u32 i = vma_index(a);
	return i == S->nvmas || S->vmas[i].start >= a + len;
}

/* The address, or -errno. at is a wish unless flags say MAP_FIXED; 0 means none. What was mapped
 * there is gone if MAP_FIXED, but for the libOS's own. */
i64 vma_map(u64 at, u64 len, int prot, int flags, u8 kind)
{
	struct vma v = {
		.prot = prot & PROT_RWX, .kind = kind, .flags = prot & PROT_RWX || kind == V_FILE ? VF_TOUCHED : 0
	};
	len = PAGE_UP(len);
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (at & (PAGE - 1))
			return -EINVAL;
		if (!in_region(at, len))
			return -ENOMEM;
		/* mmap(2): only if nothing is there. */
		if (flags & MAP_FIXED_NOREPLACE && !is_free(at, len))
			return -EEXIST;
	} else {
		at = PAGE_UP(at);
		/* A wish that cannot be met is no error: mmap(2). */
		if (!in_region(at, len) || !is_free(at, len))
			at = vma_gap(len);
		if (!at)
			return -ENOMEM;
	}
	/* Room in the limits is asked for after the removal: what is replaced is not charged twice. */
	v.start = at, v.end = at + len;
	if (flags & MAP_FIXED && !is_free(at, len) && vma_remove(at, at + len, 0))
		return -ENOMEM;
	if (!is_free(at, len))
		return -EINVAL; /* the libOS's own */
	/* The limit, or no entry left. */
	if (!vma_room(&v, 0) || vma_insert(&v))
		return -ENOMEM;
	return at;
}

/* For the libOS: memory that no munmap of the guest takes away, unless it is a stack. */
u64 region_alloc(u64 len, u8 kind)
{
	i64 r = vma_map(0, len, PROT_READ | PROT_WRITE, 0, kind);
	return r < 0 ? 0 : r;
}

/* Also what is the libOS's own. */
void region_free(u64 start, u64 len) { vma_remove(start, start + PAGE_UP(len), 1); }
