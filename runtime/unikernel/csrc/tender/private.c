/*
 * private.c: which pages of a child are its own, without looking twice. A page becomes a process's own by a page fault, and the
 * kernel counts those: as long as it has counted none since they were last listed, there is no other. To go over the page tables
 * for every capture and every reset took 7 % of all processor time where each call is a new function. What was given back
 * meanwhile is still in the list, which does no harm: such a page reads as what lies beneath it.
 *
 * A zygote that writes into its child makes pages the child's own without a fault of the child: who does so says which (private_written, or
 * private_forget).
 */
#include "tender.h"

#define MOST 508

/* Sorted, those of the stack last. */
struct private { u64 faults; u32 n, pad; struct range { u64 addr, pages; } range[MOST]; };
_Static_assert(sizeof(struct private) <= 2 * PAGE, "private");
#define PRIVATE(c) ((struct private *)(ZYGOTE_PRIVATE + ((c) - CHILDREN) * 2 * PAGE))

/* How many page faults a child has had, minor and major: proc(5), /proc/PID/stat, fields 10 and 12. */
static i64 faults(struct child *c)
{
	char b[512];
	int fd = proc_file(c, PROC_STAT);
	i64 n = fd < 0 ? fd : SYS4(pread64, fd, b, sizeof b, 0), v[2] = { 0 };
	if (n < 0)
		return n;
	i64 i = n - 1;
	while (i > 0 && b[i] != ')') /* its name may hold anything */
		i--;
	for (int field = 1; i < n && field <= 12; i++) {
		if (b[i] == ' ')
			field += field == 1 ? 2 : 1;
		else if (field == 10 || field == 12)
			v[field == 12] = v[field == 12] * 10 + b[i] - '0';
	}
	return v[0] + v[1];
}

void private_forget(struct child *c) { PRIVATE(c)->n = 0; }

void private_record(struct child *c, const struct table *t)
{
	const u64 top = UC_STACK + UC_STACK_SIZE - PAGE; /* which a reset writes */
	struct private *o = PRIVATE(c);
	i64 f = faults(c);
	o->n = 0;
	if (f < 0 || t->n >= MOST)
		return;
	for (u32 i = 0; i < t->n; i++)
		o->range[i] = (struct range){ t->p[i].addr, t->p[i].pages };
	u32 n = t->n;
	if (!n || o->range[n - 1].addr + o->range[n - 1].pages * PAGE <= top)
		o->range[n++] = (struct range){ top, 1 };
	o->faults = f;
	o->n = n;
}

/* Lists in t what lies in the region, and with stack there too; 0 if nothing is known. */
int private_list(struct child *c, int stack, struct table *t)
{
	const struct private *o = PRIVATE(c);
	if (!o->n || (i64)o->faults != faults(c))
		return 0;
	t->n = 0;
	for (u32 i = 0; i < o->n && t->n < t->max; i++)
		if (stack || o->range[i].addr < UC_HIGH_END)
			t->p[t->n++] = (struct tc_page){ o->range[i].addr, 0, o->range[i].pages, 0 };
	return t->n < t->max;
}

/* Whether pages are known to be the child's own. To be asked for ascending addresses; *at is where to go on. */
static int has(const struct private *o, u64 addr, u64 pages, u32 *at)
{
	while (*at < o->n && o->range[*at].addr + o->range[*at].pages * PAGE <= addr)
		++*at;
	return *at < o->n && o->range[*at].addr <= addr && addr + pages * PAGE <= o->range[*at].addr + o->range[*at].pages * PAGE;
}

/* The zygote has written these extents into a child. */
void private_written(struct child *c, const struct tc_extent *l, u32 n)
{
	u32 at = 0;
	for (u32 i = 0; i < n; i++) {
		if (i && l[i].addr < l[i - 1].addr)
			at = 0;
		if (!has(PRIVATE(c), l[i].addr, l[i].pages, &at))
			return private_forget(c);
	}
}
