/*
 * capture.c: what of a sleeping UC's pages a capture has to keep. They come through a buffer that stays in the processor's cache, and
 * of some three hundred that a function owns after its import only some twenty go on to the arena: a quarter is as the
 * zygote has it, and most others are as the last functions left them, which the arena has already.
 */
#include "tender.h"

/* A zygote's mappings that its children do not inherit, see zygote_init. */
#define BUFFER       ((u8 *)ZYGOTE_BUFFER)
#define BUFFER_PAGES 32
#define MOST_RANGES  32

struct diff {
	const struct uc_state *state;
	const struct tc_candidate *candidate, *candidates_end; /* sorted: what lies below the page at hand is behind us */
	struct table out;
	u64 slot, kept, room; /* of the arena */
	int direct;
};

static int zero_page(const u8 *p)
{
	const u64 *q = (const u64 *)p;
	for (u32 i = 0; i < PAGE / 8; i += 4)
		if (q[i] | q[i + 1] | q[i + 2] | q[i + 3])
			return 0;
	return 1;
}

static int same_page(const u8 *p, const u8 *other)
{
	const u64 *a = (const u64 *)p, *b = (const u64 *)other;
	for (u32 i = 0; i < PAGE / 8; i += 4)
		if ((a[i] ^ b[i]) | (a[i + 1] ^ b[i + 1]) | (a[i + 2] ^ b[i + 2]) | (a[i + 3] ^ b[i + 3]))
			return 0;
	return 1;
}

static i64 emit(struct table *t, u64 addr, u64 off, u32 flags)
{
	struct tc_page *last = t->n ? &t->p[t->n - 1] : 0;
	if (last && last->flags == flags && last->addr + last->pages * PAGE == addr &&
	    ((flags & TC_PAGE_ZERO) || last->off + last->pages * PAGE == off)) {
		last->pages++;
		return 0;
	}
	if (t->n == t->max)
		return -ENOSPC;
	t->p[t->n++] = (struct tc_page){ addr, off, 1, flags };
	return 0;
}

int discarded(const struct uc_state *s, u64 addr)
{
	for (u32 i = 0; i < MIN(s->discards, UC_DISCARDS); i++)
		if (addr >= s->discard[i].start && addr < s->discard[i].end)
			return 1;
	return 0;
}

static i64 sort_page(struct diff *d, u64 addr, const u8 *p)
{
	while (d->candidate < d->candidates_end && d->candidate->addr < addr)
		d->candidate++;
	if (d->candidate < d->candidates_end && d->candidate->addr == addr && same_page(p, (const u8 *)ZYGOTE_ARENA + d->candidate->off))
		return emit(&d->out, addr, d->candidate->off, TC_PAGE_CANDIDATE);
	/* The zygote's own memory is what the UC was forked from. It is only read here, so it stays free of pages of its own. */
	u32 same = same_page(p, (const u8 *)addr) ? TC_PAGE_SAME : 0;
	if (same && d->direct && !discarded(d->state, addr))
		return 0;
	if (!same && zero_page(p))
		return emit(&d->out, addr, 0, TC_PAGE_ZERO);
	u64 off = (d->slot + d->kept++) * PAGE;
	if (d->kept > d->room)
		return 0; /* counted all the same: the caller is told how many there are */
	memcpy((u8 *)ZYGOTE_ARENA + off, p, PAGE);
	return emit(&d->out, addr, off, same);
}

/* Pages of t from *i on, without the first *done of that entry, to the buffer and through the diff. */
static i64 next_pages(struct diff *d, int pid, const struct table *t, u32 *i, u64 *done)
{
	struct iovec r[MOST_RANGES], l = { BUFFER, 0 };
	u32 k = 0;
	for (u64 room = BUFFER_PAGES; *i < t->n && k < MOST_RANGES && room; k++) {
		u64 n = MIN(t->p[*i].pages - *done, room);
		r[k] = (struct iovec){ (void *)(t->p[*i].addr + *done * PAGE), n * PAGE };
		l.len += n * PAGE;
		room -= n;
		*done += n;
		if (*done == t->p[*i].pages)
			++*i, *done = 0;
	}
	i64 e = SYS6(process_vm_readv, pid, &l, 1, r, k, 0);
	if (e != (i64)l.len)
		return e < 0 ? e : -EFAULT;
	const u8 *p = BUFFER;
	for (u32 j = 0; j < k; j++)
		for (u64 at = 0; at < r[j].len; at += PAGE, p += PAGE)
			if ((e = sort_page(d, (u64)r[j].base + at, p)) < 0)
				return e;
	return 0;
}

/*
 * TC_CAPTURE. reply.n = entries; a = pages that belong into the arena; b = wakes of the state. Scratch: struct uc_state, then
 * entries. EAGAIN: the UC is not at a capture point, or did not stay there. ENOSPC: more pages (a) than slots.
 */
void capture(const struct tc_order *o, struct tc_reply *r)
{
	const u64 candidates = MIN(o->flags >> TC_CANDIDATES, TC_SCRATCH / 2 / sizeof(struct tc_candidate));
	const struct tc_candidate *end = (const struct tc_candidate *)(ZYGOTE_SCRATCH + TC_SCRATCH);
	const u64 room = TC_SCRATCH - PAGE - candidates * sizeof *end;
	struct table own = { (struct tc_page *)(ZYGOTE_BUFFER + BUFFER_PAGES * PAGE), 0,
		(ZYGOTE_BUFFER_SIZE - BUFFER_PAGES * PAGE) / sizeof(struct tc_page) };
	struct diff d = { (const struct uc_state *)ZYGOTE_SCRATCH, end - candidates, end,
		{ (struct tc_page *)(ZYGOTE_SCRATCH + PAGE), 0, room / sizeof(struct tc_page) }, o->a, 0, o->b, o->flags & TC_DIRECT };
	int pid = CHILDREN[o->id % TC_CHILDREN].pid;
	i64 e = list_pages(o, r, &own);
	u64 done = 0;
	for (u32 i = 0; !e && i < own.n;)
		e = next_pages(&d, pid, &own, &i, &done);
	if (!e)
		e = still_asleep(pid);
	if (!e && d.kept > d.room)
		e = -ENOSPC;
	r->err = e < 0 ? -e : 0;
	r->a = d.kept;
	r->n = d.out.n;
}
