/* trim.c: what of a sleeping UC's pages is not as they lie in its node: the payload of UC_MSG_PATCHES (abi/uc.h). */
#include "tender.h"

/* Scratch: the state; the patches; from the middle on the table of pages; then pages themselves, some at a time. */
#define PATCHES    ((u8 *)NODE_SCRATCH + PAGE)
#define TABLE      (NODE_SCRATCH + TC_SCRATCH / 2)
#define SOME       (NODE_SCRATCH + TC_SCRATCH / 4 * 3)
#define SOME_PAGES (TC_SCRATCH / 4 / PAGE)

enum {
	MOST_PAGES = 4096,        /* looked at: the node serves nobody else meanwhile */
	MOST_BYTES = UC_MSG_MAX - sizeof(struct uc_msg),
	WORTH = PAGE / 2,         /* a page with a larger patch stays */
	TOO_LONG = -1,
};

/* The words of a page that are not the node's, in runs; TOO_LONG if they take more than cap bytes. */
static i64 patch(const u32 *theirs, const u32 *mine, u8 *out, u32 cap)
{
	const u32 words = PAGE / 4, join = 1; /* a new run costs as much as one word */
	u32 n = 0;
	for (u32 i = 0, end; i < words; i = end) {
		end = i + 1;
		if (theirs[i] == mine[i])
			continue;
		for (u32 k = end; k < words && k <= end + join; k++)
			if (theirs[k] != mine[k])
				end = k + 1;
		uint16_t run[2] = { i, end - i };
		u32 bytes = 4 * run[1];
		if (n + sizeof run + bytes > cap)
			return TOO_LONG;
		memcpy(out + n, run, sizeof run);
		memcpy(out + n + sizeof run, theirs + i, bytes);
		n += sizeof run + bytes;
	}
	return n;
}

/* Appends the entry of one page to the n bytes that there are, if it is worth it; returns how many there are then. */
static u32 append(u32 n, u64 address, const u8 *theirs)
{
	u32 head[2] = { address / PAGE, 0 };
	if ((address >= UC_STATE && address < UC_STATE + UC_STATE_SIZE) || n + sizeof head > MOST_BYTES)
		return n;
	u32 at = n + sizeof head;
	i64 bytes = patch((const u32 *)theirs, (const u32 *)address, PATCHES + at, MIN(WORTH, MOST_BYTES - at));
	if (bytes == TOO_LONG)
		return n;
	head[1] = bytes;
	memcpy(PATCHES + n, head, sizeof head);
	return at + bytes;
}

/* Entries of t from *i on, without the first *done pages: as many as SOME holds. */
static struct table next_batch(const struct table *t, u32 *i, u64 *done)
{
	static struct tc_page batch[64];
	struct table b = { batch, 0, sizeof batch / sizeof *batch };
	for (u64 pages = 0; b.n < b.max && *i < t->n && pages < SOME_PAGES;) {
		u64 left = t->p[*i].pages - *done, n = MIN(left, SOME_PAGES - pages);
		batch[b.n++] = (struct tc_page){ t->p[*i].addr + *done * PAGE, pages * PAGE, n, 0 };
		pages += n;
		*done = n < left ? *done + n : 0;
		*i += n == left;
	}
	return b;
}

/* TC_TRIM. EAGAIN as for a capture; ENOSPC: more pages than are looked at. */
void trim(const struct tc_order *o, struct tc_reply *r)
{
	struct table t = { (struct tc_page *)TABLE, 0, TC_SCRATCH / 4 / sizeof(struct tc_page) };
	int pid = CHILDREN[o->id % TC_CHILDREN].pid;
	i64 e = list_pages(o, r, &t);
	if (!e && r->a > MOST_PAGES)
		e = -ENOSPC;
	u32 i = 0;
	for (u64 done = 0; !e && i < t.n;) {
		struct table b = next_batch(&t, &i, &done);
		e = take_pages(pid, &b, (u8 *)SOME);
		for (u32 j = 0; !e && j < b.n; j++)
			for (u64 k = 0; k < b.p[j].pages; k++)
				r->n = append(r->n, b.p[j].addr + k * PAGE, (const u8 *)SOME + b.p[j].off + k * PAGE);
	}
	if (!e)
		e = still_asleep(pid);
	r->err = e < 0 ? -e : 0;
}
