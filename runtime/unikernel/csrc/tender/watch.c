/* watch.c: which UCs have more memory than they may. The libOS bounds its guest, but a guest can
 * write anywhere in the region. */
#include "watch.h"
#include "proc.h"

/* TC_WATCH. The children that exceed their bound move to the front of the table. */
void watch(const struct tc_order *o, struct tc_reply *r)
{
	struct tc_watched *w = (struct tc_watched *)ZYGOTE_SCRATCH;
	for (u64 i = 0; i < o->a && i < TC_SCRATCH / sizeof *w; i++) {
		struct child *c = child_of(w[i].id);
		if (c->pid && c->id == w[i].id && anonymous_pages(c->pid) > w[i].pages)
			w[r->n++] = w[i];
	}
}
