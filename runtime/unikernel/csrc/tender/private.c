/*
 * private.c: the private-page list of a child, kept for as long as it is true.
 *
 * A page becomes a process's own by a page fault, and the kernel counts page faults. So while the
 * count stays as it was when the list was made, no page has joined the list. A page that was given
 * back meanwhile stays in the list and does no harm: it reads as what lies beneath it. To walk the
 * page tables for every capture and every reset instead took 7 % of all processor time where each
 * call is a new function.
 *
 * A zygote that writes into its child makes pages the child's own without a fault of the child's.
 * Whoever does that calls private_written or private_forget.
 */
#include "private.h"
#include "map.h"
#include "proc.h"
#include "wire.h"

/* A list fills two pages. It holds at most MAX_RANGES ranges; a child with more has no list. */
enum { LIST_SIZE = 2 * PAGE, MAX_RANGES = 508 };

/* Sorted by address, so ranges of the stack come last. n = 0: not known. */
struct private
{
	u64 faults; /* page_faults of the child when the list was made */
	u32 n, pad; /* ranges */
	struct range {
		u64 addr, pages;
	} range[MAX_RANGES];
};
_Static_assert(sizeof(struct private) <= LIST_SIZE, "a list fills two pages");

static struct private *list_of(const struct child *c)
{
	return (struct private *)(ZYGOTE_PRIVATE + (c - CHILDREN) * LIST_SIZE);
}

static u64 range_end(const struct range *r) { return r->addr + r->pages * PAGE; }

void private_init(void)
{
	i64 r = map_alone(ZYGOTE_PRIVATE, (u64)LIST_SIZE * TC_CHILDREN, -1);
	if (r < 0)
		quit("map the private-page lists", r);
}

void private_forget(struct child *c) { list_of(c)->n = 0; }

void private_record(struct child *c, const struct table *t)
{
	const u64 top = UC_STACK + UC_STACK_SIZE - PAGE; /* a reset writes its last word */
	struct private *p = list_of(c);
	i64 faults = page_faults(c);
	p->n = 0;
	/* One place is left for the top of the stack. */
	if (faults < 0 || t->n >= MAX_RANGES)
		return;
	for (u32 i = 0; i < t->n; i++)
		p->range[i] = (struct range){ t->p[i].addr, t->p[i].pages };
	u32 n = t->n;
	if (!n || range_end(&p->range[n - 1]) <= top)
		p->range[n++] = (struct range){ top, 1 };
	p->faults = faults;
	p->n = n;
}

int private_list(struct child *c, int stack, struct table *t)
{
	const struct private *p = list_of(c);
	/* A child that has faulted since may have further pages. */
	if (!p->n || (i64)p->faults != page_faults(c))
		return 0;
	t->n = 0;
	for (u32 i = 0; i < p->n && t->n < t->max; i++)
		if (stack || p->range[i].addr < UC_HIGH_END)
			t->p[t->n++] = (struct tc_page){ p->range[i].addr, 0, p->range[i].pages, 0 };
	/* A full table may have lost the rest. */
	return t->n < t->max;
}

/* Whether the list has all of these pages. For ascending addresses: *at is where the next search
 * begins. */
static int has(const struct private *p, u64 addr, u64 pages, u32 *at)
{
	while (*at < p->n && range_end(&p->range[*at]) <= addr)
		++*at;
	return *at < p->n && p->range[*at].addr <= addr && addr + pages * PAGE <= range_end(&p->range[*at]);
}

void private_written(struct child *c, const struct tc_extent *l, u32 n)
{
	u32 at = 0;
	for (u32 i = 0; i < n; i++) {
		if (i && l[i].addr < l[i - 1].addr)
			at = 0;
		if (!has(list_of(c), l[i].addr, l[i].pages, &at)) {
			private_forget(c);
			return;
		}
	}
}
