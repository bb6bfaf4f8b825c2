/*
 * patches.c: see patches.h. The pages are found while the UC sleeps, as for a capture. What lies
 * beneath a page is computed anew from the extents of the UC's deploy, which the platform sends
 * with the order: nobody has to keep a copy.
 */
#include "patches.h"
#include "pages.h"
#include "patch.h"
#include "proc.h"

/* Scratch: the state; patches up to the middle; extents, 1/8; the list of pages, 1/8; the pages at
 * hand, 1/4. */
#define PATCHES ((u8 *)ZYGOTE_SCRATCH + PAGE)
#define PATCHES_MAX (TC_EXTENTS_AT - PAGE)
#define EXTENTS ((const struct tc_extent *)(ZYGOTE_SCRATCH + TC_EXTENTS_AT))
#define LIST ((struct tc_page *)(ZYGOTE_SCRATCH + TC_SCRATCH / 8 * 5))
#define AT_HAND ((u8 *)ZYGOTE_SCRATCH + TC_SCRATCH / 4 * 3)

/* Bounds of one order. What exceeds them is not worth to be kept without a process. */
enum {
	MAX_EXTENTS = TC_SCRATCH / 8 / sizeof(struct tc_extent),
	MAX_RANGES = TC_SCRATCH / 8 / sizeof(struct tc_page),
	MAX_PAGES = 8192, /* of one UC: the zygote carries out no other order meanwhile */
	MAX_AT_HAND = TC_SCRATCH / 4 / PAGE,
};

static const u8 zeros[PAGE] __attribute__((aligned(4096)));

/* The extents of a deploy: those of zeros first, and over them those that are copied, sorted by
 * address. */
struct below {
	const struct tc_extent *zeroed;
	const struct tc_extent *copied; /* the first that ends above the address asked for last */
	const struct tc_extent *end;
};

/* For beneath, which moves b.copied on. */
static struct below below(const struct tc_extent *l, u32 n)
{
	struct below b = { l, l, l + n };
	while (b.copied < b.end && b.copied->kind == TC_ZEROED)
		b.copied++;
	return b;
}

static int covers(const struct tc_extent *l, u64 address)
{
	return address >= l->addr && address - l->addr < l->pages * PAGE;
}

/* The page that the deploy laid at an address. Where it laid none, the private page of the zygote. For
 * ascending addresses. */
static const u8 *beneath(struct below *b, u64 address)
{
	while (b->copied < b->end && b->copied->addr + b->copied->pages * PAGE <= address)
		b->copied++;
	if (b->copied < b->end && covers(b->copied, address))
		return (const u8 *)ZYGOTE_ARENA + b->copied->off + (address - b->copied->addr);
	for (const struct tc_extent *z = b->zeroed; z < b->end && z->kind == TC_ZEROED; z++)
		if (covers(z, address))
			return zeros;
	return (const u8 *)address;
}

/* Appends the patch of one page to n bytes of patches, if the page differs. A patch over zeros is
 * taken where it is shorter; it is tried only for patches of more than an eighth of a page.
 * -ENOSPC: scratch is full. */
static i64 append(u32 *n, u64 address, const u8 *page, const u8 *below)
{
	struct tc_patch h = { address / PAGE, 0 };
	u8 *out = PATCHES + *n + sizeof h;
	/* Room for both attempts. */
	if (*n + 2 * (sizeof h + PATCH_MAX) > PATCHES_MAX)
		return -ENOSPC;
	h.bytes = patch_runs(page, below, out);
	if (!h.bytes)
		return 0;
	if (h.bytes > PAGE / 8 && below != zeros) {
		u8 *other = out + h.bytes;
		u32 k = patch_runs(page, zeros, other);
		if (k < h.bytes) {
			for (u32 i = 0; i < k; i++) /* the two may overlap */
				out[i] = other[i];
			h.bytes = k | TC_ON_ZEROS;
		}
	}
	memcpy(PATCHES + *n, &h, sizeof h);
	*n += sizeof h + patch_bytes(&h);
	return 0;
}

/* The next ranges of t, from entry *i and its page *done on, as many as fit at hand. */
static struct table next_batch(const struct table *t, u32 *i, u64 *done)
{
	static struct tc_page batch[64] ZYGOTE_DATA;
	struct table b = { batch, 0, COUNT(batch) };
	/* Offsets count bytes at hand. */
	for (u64 pages = 0; b.n < b.max && *i < t->n && pages < MAX_AT_HAND;) {
		u64 left = t->p[*i].pages - *done, n = MIN(left, MAX_AT_HAND - pages);
		batch[b.n++] = (struct tc_page){ t->p[*i].addr + *done * PAGE, pages * PAGE, n, 0 };
		pages += n;
		*done = n < left ? *done + n : 0;
		*i += n == left;
	}
	return b;
}

/* TC_PATCHES. Beyond what a capture asks, the UC must wait for its channel alone (UC_SLEEP_CALL): a
 * UC without a process has nobody who wakes it when a time-out is over. */
void patches(const struct tc_order *o, struct tc_reply *r)
{
	struct table t = { LIST, 0, MAX_RANGES };
	struct child *c = child_of(o->id);
	const struct uc_state *s = SCRATCH_STATE;
	struct tc_order all = { .id = o->id };
	struct below extents = below(EXTENTS, MIN(o->a, MAX_EXTENTS));
	i64 e = o->a > MAX_EXTENTS ? -ENOSPC : list_pages(&all, r, &t);
	if (!e && r->a > MAX_PAGES)
		e = -ENOSPC;
	u32 i = 0;
	for (u64 done = 0; !e && i < t.n;) {
		struct table b = next_batch(&t, &i, &done);
		/* What lies beneath a page that the guest gave back is zeros, whatever the deploy
		 * laid. */
		e = read_pages(c->pid, &b, AT_HAND);
		for (u32 j = 0; !e && j < b.n; j++)
			for (u64 k = 0; !e && k < b.p[j].pages; k++) {
				u64 at = b.p[j].addr + k * PAGE;
				e = append(
					&r->n, at, AT_HAND + b.p[j].off + k * PAGE, discarded(s, at) ? zeros : beneath(&extents, at));
			}
	}
	if (!e)
		e = still_asleep(c->pid);
	if (!e)
		e = sleeps_in(c, UC_SLEEP_CALL);
	r->err = e < 0 ? -e : 0;
}

/* The process was reset and its extents are laid, so what it has at an address is what beneath
 * says: there is no need to read it. Pages are made at hand and written many at a time. */
i64 lay_patches(int pid, const struct tc_extent *l, u32 extents, const u8 *patches, u32 n)
{
	struct below b = below(l, extents);
	struct iovec to[256];
	const struct tc_patch *h;
	i64 e = 0;
	for (u32 at = 0, k = 0; !e;) {
		h = patch_next(patches, n, &at);
		if (h) {
			u8 *page = AT_HAND + k * PAGE;
			memcpy(page, beneath(&b, patch_address(h)), PAGE);
			patch_page(page, h);
			to[k++] = (struct iovec){ (void *)patch_address(h), PAGE };
		}
		if (k && (!h || k == COUNT(to))) {
			struct iovec from = { AT_HAND, k * PAGE };
			e = SYS6(process_vm_writev, pid, &from, 1, to, k, 0);
			e = e == (i64)(k * PAGE) ? 0 : e < 0 ? e : -EFAULT;
			k = 0;
		}
		if (!h)
			break;
	}
	return e;
}
