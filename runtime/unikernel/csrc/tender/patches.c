/*
 * patches.c: what of a UC's pages is not as its deploy laid them, in words, as in Difference Engine (Gupta et al., OSDI 2008): all
 * that is kept of a UC that hibernates. Found while it sleeps, as for a capture; laid over a spare when it wakes.
 *
 * Most pages that a UC has written differ by a few words from what it began with: counters, locks, pointers into a stack.
 */
#include "tender.h"

/* Scratch: the state; the patches; from the middle on the extents, and the table of pages; then pages themselves, some at a time. */
#define PATCHES    ((u8 *)ZYGOTE_SCRATCH + PAGE)
#define MOST_BYTES (TC_EXTENTS_AT - PAGE)
#define EXTENTS     ((const struct tc_extent *)(ZYGOTE_SCRATCH + TC_EXTENTS_AT))
#define TABLE      ((struct tc_page *)(ZYGOTE_SCRATCH + TC_SCRATCH / 8 * 5))
#define SOME       ((u8 *)ZYGOTE_SCRATCH + TC_SCRATCH / 4 * 3)

enum {
	MOST_EXTENTS = TC_SCRATCH / 8 / sizeof(struct tc_extent),
	MOST_STRETCHES = TC_SCRATCH / 8 / sizeof(struct tc_page),
	MOST_PAGES = 8192,        /* looked at: the zygote serves nobody else meanwhile */
	SOME_PAGES = TC_SCRATCH / 4 / PAGE,
	WORDS = PAGE / 4,
};

static const u8 zeros[PAGE] __attribute__((aligned(4096)));

/* The runs of words in which a page is not what lies beneath; a run goes on over one equal word, for a new one costs as much. At
 * most a page and a word: what would be longer is the page itself. */
static u32 runs(const u8 *page, const u8 *beneath, u8 *out)
{
	const u32 *a = (const u32 *)page, *b = (const u32 *)beneath;
	u32 n = 0;
	for (u32 i = 0, end; i < WORDS; i = end) {
		end = i + 1;
		if (!(i & 1) && *(const u64 *)(a + i) == *(const u64 *)(b + i)) {
			end = i + 2;
			continue;
		}
		if (a[i] == b[i])
			continue;
		while (end < WORDS && (a[end] != b[end] || (end + 1 < WORDS && a[end + 1] != b[end + 1])))
			end++;
		struct tc_words w = { i, end - i };
		if (n + sizeof w + w.words * 4 > PAGE) {
			w = (struct tc_words){ 0, WORDS };
			memcpy(out, &w, sizeof w);
			memcpy(out + sizeof w, page, PAGE);
			return sizeof w + PAGE;
		}
		memcpy(out + n, &w, sizeof w);
		memcpy(out + n + sizeof w, a + i, w.words * 4);
		n += sizeof w + w.words * 4;
	}
	return n;
}

static void apply(u8 *page, const u8 *p, u32 n)
{
	for (u32 i = 0; i < n;) {
		const struct tc_words *w = (const struct tc_words *)(p + i);
		memcpy(page + w->first * 4, w + 1, w->words * 4);
		i += sizeof *w + w->words * 4;
	}
}

/* The extents of a deploy: those of zeros first, and over them those that are copied, sorted. */
struct below { const struct tc_extent *zeroed, *copied, *end; };

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

/* What they lay at an address, over what the zygote has there. To be asked for ascending addresses. */
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

/* Appends the patch of one page, if it needs one. -ENOSPC: they are too many. */
static i64 append(u32 *n, u64 address, const u8 *page, const u8 *below)
{
	struct tc_patch h = { address / PAGE, 0 };
	u8 *out = PATCHES + *n + sizeof h;
	if (*n + 2 * (sizeof h + sizeof(struct tc_words) + PAGE) > MOST_BYTES)
		return -ENOSPC;
	h.bytes = runs(page, below, out);
	if (!h.bytes)
		return 0;
	if (h.bytes > PAGE / 8 && below != zeros) {
		u8 *other = out + h.bytes;
		u32 k = runs(page, zeros, other);
		if (k < h.bytes) {
			for (u32 i = 0; i < k; i++) /* the two may overlap */
				out[i] = other[i];
			h.bytes = k | TC_ON_ZEROS;
		}
	}
	memcpy(PATCHES + *n, &h, sizeof h);
	*n += sizeof h + (h.bytes & ~TC_ON_ZEROS);
	return 0;
}

/* Entries of t from *i on, without the first *done pages: as many as SOME holds. */
static struct table next_batch(const struct table *t, u32 *i, u64 *done)
{
	static struct tc_page batch[64] ZYGOTE_DATA;
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

/* TC_PATCHES. EAGAIN as for a capture, or it does not wait for its channel alone; ENOSPC: it has too much of its own. */
void patches(const struct tc_order *o, struct tc_reply *r)
{
	struct table t = { TABLE, 0, MOST_STRETCHES };
	struct child *c = &CHILDREN[o->id % TC_CHILDREN];
	const struct uc_state *s = (const struct uc_state *)ZYGOTE_SCRATCH;
	struct tc_order all = { .id = o->id };
	struct below extents = below(EXTENTS, MIN(o->a, MOST_EXTENTS));
	i64 e = o->a > MOST_EXTENTS ? -ENOSPC : list_pages(&all, r, &t);
	if (!e && r->a > MOST_PAGES)
		e = -ENOSPC;
	u32 i = 0;
	for (u64 done = 0; !e && i < t.n;) {
		struct table b = next_batch(&t, &i, &done);
		e = read_pages(c->pid, &b, SOME);
		for (u32 j = 0; !e && j < b.n; j++)
			for (u64 k = 0; !e && k < b.p[j].pages; k++) {
				u64 at = b.p[j].addr + k * PAGE;
				e = append(&r->n, at, SOME + b.p[j].off + k * PAGE, discarded(s, at) ? zeros : beneath(&extents, at));
			}
	}
	if (!e)
		e = still_asleep(c->pid);
	if (!e)
		e = sleeps_in(c, UC_SLEEP_CALL); /* no time-out wakes it */
	r->err = e < 0 ? -e : 0;
}

/* The next of the patches from *at on; NULL at their end, or where they are malformed. */
static const struct tc_patch *next_patch(const u8 *p, u32 n, u32 *at)
{
	const struct tc_patch *h = (const struct tc_patch *)(p + *at);
	if (n - *at < sizeof *h || n - *at - sizeof *h < (h->bytes & ~TC_ON_ZEROS))
		return NULL;
	*at += sizeof *h + (h->bytes & ~TC_ON_ZEROS);
	return h;
}

static void lay_one(u8 *page, const struct tc_patch *h)
{
	if (h->bytes & TC_ON_ZEROS)
		memset(page, 0, PAGE);
	apply(page, (const u8 *)(h + 1), h->bytes & ~TC_ON_ZEROS);
}

/* Over a spare that was reset, on top of its extents. */
i64 lay_patches(int pid, const struct tc_extent *l, u32 extents, const u8 *p, u32 n)
{
	struct below b = below(l, extents);
	struct iovec to[256];
	const struct tc_patch *h;
	i64 e = 0;
	for (u32 at = 0, k = 0; !e;) {
		h = next_patch(p, n, &at);
		if (h) {
			u64 address = (u64)h->page * PAGE;
			memcpy(SOME + k * PAGE, beneath(&b, address), PAGE);
			lay_one(SOME + k * PAGE, h);
			to[k++] = (struct iovec){ (void *)address, PAGE };
		}
		if (k && (!h || k == sizeof to / sizeof *to)) {
			struct iovec from = { SOME, k * PAGE };
			e = SYS6(process_vm_writev, pid, &from, 1, to, k, 0);
			e = e == (i64)(k * PAGE) ? 0 : e < 0 ? e : -EFAULT;
			k = 0;
		}
		if (!h)
			break;
	}
	return e;
}

/* In a spare, which has its extents already. A zygote's data are not a spare's to write: its stack is. */
void lay_patches_here(const u8 *p, u32 n)
{
	struct iovec v[256];
	const struct tc_patch *h;
	u32 k = 0;
	for (u32 at = 0;;) {
		h = next_patch(p, n, &at);
		if (h)
			v[k++] = (struct iovec){ (void *)((u64)h->page * PAGE), PAGE };
		if (!h || k == sizeof v / sizeof *v) {
			populate(v, k, MADV_POPULATE_WRITE);
			k = 0;
		}
		if (!h)
			break;
	}
	for (u32 at = 0; (h = next_patch(p, n, &at));)
		lay_one((u8 *)((u64)h->page * PAGE), h);
}
