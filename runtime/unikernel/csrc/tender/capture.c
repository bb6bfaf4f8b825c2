/*
 * capture.c: which private pages of a sleeping UC a capture has to keep, and their copy into the
 * arena.
 *
 * Of some three hundred private pages that a function has after its import, some twenty go into the
 * arena. A quarter is as the zygote has it. Most others are as earlier functions left them, which
 * the arena has already: the platform sends those as dedup candidates. Pages go through a buffer
 * that fits into the processor's cache, so that each is read from memory once.
 */
#include "capture.h"
#include "pages.h"

/* The buffer is the first part of ZYGOTE_BUFFER, the list of private pages the rest. */
#define BUFFER ((u8 *)ZYGOTE_BUFFER)
#define BUFFER_PAGES 32
#define LIST ((struct tc_page *)(BUFFER + BUFFER_PAGES * PAGE))
#define LIST_ENTRIES ((ZYGOTE_BUFFER_SIZE - BUFFER_PAGES * PAGE) / sizeof(struct tc_page))
#define MAX_RANGES 32 /* of one read */

/* A run of the arena that is larger than the stages (snapshot.Arena) is new, and not yet in the
 * page tables. */
#define STAGE 512
#define POPULATED 256 /* pages at a time: page faults take longer than the copies */

/* A capture under way. */
struct diff {
	const struct uc_state *state;
	const struct tc_candidate *candidate, *candidates_end; /* sorted by address; those of earlier pages are passed */
	struct table out;
	u64 slot, kept, room; /* of the arena: the first slot, how many are needed, how many there are */
	u64 populated; /* slots of a new run */
	int direct; /* TC_DIRECT: see there */
};

/* Four words a step: a page that differs mostly does so early. */
static int is_zero(const u8 *p)
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

/* Appends one page to the reply's table, to the last range where it continues that. */
static i64 emit(struct table *t, u64 addr, u64 off, u32 flags)
{
	struct tc_page *last = t->n ? &t->p[t->n - 1] : NULL;
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

/* Decides about one page whose content is at p. */
static i64 sort_page(struct diff *d, u64 addr, const u8 *p)
{
	while (d->candidate < d->candidates_end && d->candidate->addr < addr)
		d->candidate++;
	if (d->candidate < d->candidates_end && d->candidate->addr == addr &&
		same_page(p, (const u8 *)ZYGOTE_ARENA + d->candidate->off))
		return emit(&d->out, addr, d->candidate->off, TC_PAGE_CANDIDATE);
	/* The UC was forked from the zygote's own memory at this address. To read that memory gives
	 * the zygote no page of its own. */
	u32 same = same_page(p, (const u8 *)addr) ? TC_PAGE_SAME : 0;
	if (same && d->direct && !discarded(d->state, addr))
		return 0;
	/* A page of zeros needs no slot. If it is the same as the zygote's, the entry says so
	 * instead. */
	if (!same && is_zero(p))
		return emit(&d->out, addr, 0, TC_PAGE_ZERO);
	u64 off = (d->slot + d->kept++) * PAGE;
	if (d->kept > d->room)
		return 0; /* counted all the same: the reply tells how many slots are needed */
	if (d->room > STAGE && d->kept > d->populated) {
		u64 n = MIN(d->room - d->populated, POPULATED);
		SYS3(madvise, ZYGOTE_ARENA + off, n * PAGE, MADV_POPULATE_WRITE); /* if this fails, the copies fault */
		d->populated += n;
	}
	memcpy((u8 *)ZYGOTE_ARENA + off, p, PAGE);
	return emit(&d->out, addr, off, same);
}

/* Reads pages of t into the buffer, from entry *i and its page *done on, and decides about each. */
static i64 next_pages(struct diff *d, int pid, const struct table *t, u32 *i, u64 *done)
{
	struct iovec r[MAX_RANGES], l = { BUFFER, 0 };
	u32 k = 0;
	for (u64 room = BUFFER_PAGES; *i < t->n && k < MAX_RANGES && room; k++) {
		u64 n = MIN(t->p[*i].pages - *done, room);
		r[k] = (struct iovec){ (void *)(t->p[*i].addr + *done * PAGE), n * PAGE };
		l.iov_len += n * PAGE;
		room -= n;
		*done += n;
		if (*done == t->p[*i].pages)
			++*i, *done = 0;
	}
	i64 e = SYS6(process_vm_readv, pid, &l, 1, r, k, 0);
	if (e != (i64)l.iov_len)
		return e < 0 ? e : -EFAULT;
	const u8 *p = BUFFER;
	for (u32 j = 0; j < k; j++)
		for (u64 at = 0; at < r[j].iov_len; at += PAGE, p += PAGE)
			if ((e = sort_page(d, (u64)r[j].iov_base + at, p)) < 0)
				return e;
	return 0;
}

/* TC_CAPTURE. The candidates stand at the very end of scratch; the reply's table may grow up to
 * them. */
void capture(const struct tc_order *o, struct tc_reply *r)
{
	const u64 candidates = MIN(o->flags >> TC_CANDIDATES, TC_SCRATCH / 2 / sizeof(struct tc_candidate));
	const struct tc_candidate *end = (const struct tc_candidate *)(ZYGOTE_SCRATCH + TC_SCRATCH);
	const u64 room = TC_SCRATCH - PAGE - candidates * sizeof *end;
	struct table private = { LIST, 0, LIST_ENTRIES };
	struct diff d = {
		.state = SCRATCH_STATE,
		.candidate = end - candidates,
		.candidates_end = end,
		.out = { SCRATCH_TABLE, 0, room / sizeof(struct tc_page) },
		.slot = o->a,
		.room = o->b,
		.direct = o->flags & TC_DIRECT,
	};
	int pid = child_of(o->id)->pid;
	/* From here on the UC may wake at any time; still_asleep finds that at the end. */
	i64 e = list_pages(o, r, &private);
	u64 done = 0, pages = 0;
	for (u32 i = 0; !e && i < private.n; i++)
		pages += private.p[i].pages;
	if (!e && pages > 8 * d.room) { /* nearly for sure too many: they are not read for an exact count */
		d.kept = pages;
		e = -ENOSPC;
	}
	for (u32 i = 0; !e && i < private.n;)
		e = next_pages(&d, pid, &private, &i, &done);
	if (!e)
		e = still_asleep(pid);
	if (!e && d.kept > d.room)
		e = -ENOSPC;
	r->err = e < 0 ? -e : 0;
	r->a = d.kept;
	r->n = d.out.n;
}
