/*
 * prefetch.c: see prefetch.h. The platform recorded which pages UCs of this zygote write and read
 * (REAP: Ustiugov et al., ASPLOS 2021). A page that is present before the order comes costs its UC
 * no page fault.
 */
#include "prefetch.h"
#include "map.h"

/* First the ranges that UCs write, then those that they read. Ranges beyond the room of the list
 * fault when they are used. */
struct list {
	u32 written, read; /* ranges of each kind */
	struct iovec v[4000];
};
#define LIST ((struct list *)ZYGOTE_PREFETCH)
_Static_assert(sizeof(struct list) <= ZYGOTE_PREFETCH_SIZE, "the list fits its mapping");

/* Needed whatever the order says: the foot of the stack, where packets lie, the stack's top, the
 * host block. */
static const struct iovec always[] = {
	{ (void *)UC_STACK, PAGE },
	{ (void *)(UC_STACK + UC_MSG_MAX), PAGE },
	{ (void *)(UC_STACK + UC_STACK_SIZE - 3 * PAGE), 3 * PAGE },
	{ (void *)UC_HOST, PAGE },
};

static void make_list(const struct order *o)
{
	struct list *p = LIST;
	u32 n = COUNT(always);
	memcpy(p->v, always, sizeof always);
	/* A zygote's own order has the extents of both kinds, see TC_ZYGOTE. */
	for (int kind = TC_PREFETCH_WRITE; kind <= TC_PREFETCH_READ; kind++) {
		for (u32 i = 0; i < ORDER->extents && n < COUNT(p->v); i++)
			if (o->extents[i].kind == kind)
				p->v[n++] = (struct iovec){ (void *)o->extents[i].addr, o->extents[i].pages * PAGE };
		if (kind == TC_PREFETCH_WRITE)
			p->written = n;
		else
			p->read = n - p->written;
	}
}

/*
 * Where spares write, the zygote's huge pages end as small ones anyway. But to read one small page
 * of a huge one maps all 512 (seen on Linux 6.18), and a capture and a reset look at each as long
 * as at a private page. A huge page that crosses the border of a mapping is mapped as it is read, a
 * few at a time. So the last small page of each huge one gets a mapping of its own, by an advice
 * that has no other effect on it.
 */
static void part_huge_pages(const struct order *o)
{
	const u64 huge = 2 << 20; /* bytes */
	u64 end = 0;
	for (u32 i = 0, most = 64; i < ORDER->extents; i++) { /* each parting is a mapping more for every fork to copy */
		const struct tc_extent *l = &o->extents[i];
		if (l->kind != TC_PREFETCH_WRITE)
			continue;
		for (u64 at = l->addr & -huge; at < l->addr + l->pages * PAGE && most; at += huge)
			if (at >= end) {
				end = at + huge, most--;
				SYS3(madvise, end - PAGE, PAGE, MADV_NOHUGEPAGE);
			}
	}
}

void prefetch_make(const struct order *o)
{
	make_list(o);
	part_huge_pages(o);
}

void prefetch(void)
{
	const struct list *p = LIST;
	populate(p->v, p->written, MADV_POPULATE_WRITE);
	touch(p->v, p->written);
	populate(p->v + p->written, p->read, MADV_POPULATE_READ);
}
