/*
 * vma.c: the book of mappings, and what they are charged.
 *
 * The book is a sorted array, searched by bisection: V8's thousand mappings are a few pages, and a
 * snapshot shares them. Neighbours that are alike are one entry.
 *
 * Accounting: uc_state.committed is bounded by uc_host.mem_limit. What is writable is charged in
 * full when it becomes writable, as RLIMIT_DATA does, so touching memory cannot exceed the limit;
 * PROT_NONE reservations are free. Three departures:
 *
 * - A thread's stack of at most 8 MB is charged 256 KB: the C library maps 8 MB for each thread,
 * and programs use a few pages.
 *
 * - What may be written and executed is charged a part: V8 maps all of the 512 MB that its code may
 * ever take (Node.js 24).
 *
 * - A private copy of a read-only file counts to a bound of its own (TEXT_MAX): the base snapshot
 * shares those pages among all.
 *
 * Discounts are bounded, those of code by CODE_MAX, those of stacks by STACKS_MAX. A tender that
 * must be sure watches what is resident: of the stacks' discounts it is told no more than
 * STACKS_TOLD, above which only stacks that nearly all stay empty are within the limit.
 */
#include "base/state.h"
#include "host/host.h"

/* Bytes. STACK_MAX: the C library's 8 MB and its guard page. CODE_PART: what may be written and
 * executed is charged one part in 32. */
#define STACK_CHARGE (256 * 1024ull)
#define STACK_MAX ((8ull << 20) + 65536)
#define CODE_PART 32
#define CODE_MAX (2ull << 30)
#define STACKS_MAX (MAX_THREADS * STACK_MAX)
#define STACKS_TOLD (2ull << 30)
#define TEXT_MAX (1ull << 30)

/* Bytes of the mapping that count against mem_limit. */
static u64 charge(const struct vma *v)
{
	u64 n = v->end - v->start;
	if (!(v->prot & PROT_WRITE))
		return 0;
	if (v->prot & PROT_EXEC)
		return n / CODE_PART;
	return v->kind == V_STACK && n <= STACK_MAX ? MIN(n, STACK_CHARGE) : n;
}

/* Bytes that may be written and are not charged. */
static u64 discount(const struct vma *v) { return v->prot & PROT_WRITE ? v->end - v->start - charge(v) : 0; }

/* Bytes of a copy of a read-only file. */
static u64 text(const struct vma *v) { return v->kind == V_FILE && !(v->prot & PROT_WRITE) ? v->end - v->start : 0; }

/* Code and stacks are bounded each by itself. */
static u64 *discounts(const struct vma *v) { return v->prot & PROT_EXEC ? &S->code : &S->stacks; }

/* Enters (sign 1) or strikes out (-1) a mapping in all sums. The peak is what getrusage tells; the
 * tops bound what a capture looks at. */
static void book(const struct vma *v, int sign)
{
	S->pub.committed += sign * charge(v);
	S->text += sign * text(v);
	*discounts(v) += sign * discount(v);
	S->pub.uncharged = S->text + MIN(S->stacks, STACKS_TOLD);
	if (sign > 0) {
		S->pub.committed_peak = MAX(S->pub.committed_peak, S->pub.committed);
		if (v->prot) {
			u64 *top = v->start < UC_HIGH ? &S->pub.low_top : &S->pub.high_top;
			*top = MAX(*top, v->end);
		}
	}
}

/* A refusal is remembered: a guest that dies of it tells the platform why (uc_end). */
int vma_room(const struct vma *v, u64 already)
{
	u64 c = charge(v);
	if (S->text + text(v) > TEXT_MAX || *discounts(v) + discount(v) > (v->prot & PROT_EXEC ? CODE_MAX : STACKS_MAX))
		return 0;
	if (c <= already || !HOST->mem_limit || S->pub.committed + c - already <= HOST->mem_limit)
		return 1;
	S->refused = 1;
	return 0;
}

/* Index of the first mapping that ends above addr. Bisection over the ends: the array is sorted,
 * and no two mappings overlap. */
u32 vma_index(u64 addr)
{
	u32 lo = 0, hi = S->nvmas;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		if (S->vmas[mid].end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* The mapping that contains addr. */
struct vma *vma_find(u64 addr)
{
	u32 i = vma_index(addr);
	return i < S->nvmas && S->vmas[i].start <= addr ? &S->vmas[i] : NULL;
}

/* Neighbours of the same sort become one entry, which keeps the array short. Those with a file or a
 * purpose of their own stay apart. */
static int alike(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->kind == b->kind && a->flags == b->flags && a->kind == V_ANON;
}

/* The array is dense: 24 bytes an entry, moved by one memmove. A thousand mappings are six pages. */
static void open_slot(u32 i)
{
	memmove(&S->vmas[i + 1], &S->vmas[i], (S->nvmas - i) * sizeof(struct vma));
	S->nvmas++;
}

/* An entry goes; those behind it move up. */
static void close_slot(u32 i)
{
	S->nvmas--;
	memmove(&S->vmas[i], &S->vmas[i + 1], (S->nvmas - i) * sizeof(struct vma));
}

/* The range must be free. Joins the mapping with its neighbours, if they are alike. */
int vma_insert(const struct vma *v)
{
	u32 i = vma_index(v->start);
	if (S->nvmas >= MAX_VMAS - 2)
		return -ENOMEM;
	book(v, 1);
	if (i > 0 && alike(&S->vmas[i - 1], v)) {
		S->vmas[i - 1].end = v->end;
		if (i < S->nvmas && alike(&S->vmas[i - 1], &S->vmas[i])) {
			S->vmas[i - 1].end = S->vmas[i].end;
			close_slot(i);
		}
	} else if (i < S->nvmas && alike(v, &S->vmas[i])) {
		S->vmas[i].start = v->start;
	} else {
		open_slot(i);
		S->vmas[i] = *v;
	}
	return 0;
}

/* Cuts the mapping that contains addr strictly inside into two. -ENOMEM: the array is full. Two
 * entries are kept back, for the two ends of a removal. */
static int split(u64 addr)
{
	struct vma *v = vma_find(addr);
	if (!v || v->start == addr)
		return 0;
	if (S->nvmas >= MAX_VMAS - 2)
		return -ENOMEM;
	u32 i = v - S->vmas;
	book(v, -1);
	open_slot(i);
	S->vmas[i].end = addr;
	S->vmas[i + 1].start = addr;
	book(&S->vmas[i], 1);
	book(&S->vmas[i + 1], 1);
	return 0;
}

/* Removes what is mapped in the range; the libOS's own buffers stay. */
int vma_remove(u64 start, u64 end, int libos)
{
	if (split(start) || split(end))
		return -ENOMEM;
	for (u32 i = vma_index(start); i < S->nvmas && S->vmas[i].start < end;) {
		struct vma v = S->vmas[i];
		/* A guest's munmap passes by what is not its own. */
		if (v.kind == V_LIBOS && !libos) {
			i++;
			continue;
		}
		book(&v, -1);
		close_slot(i);
		/* What was never accessible has no pages to give back. */
		if (v.flags & VF_TOUCHED)
			host_discard(v.start, v.end);
		/* A gap has come to be below the hint. */
		S->hint = MIN(S->hint, v.start);
	}
	return 0;
}

/* A range with a hole fails at the hole; what lies before it has changed by then, as on Linux. */
int vma_protect(u64 start, u64 end, int prot)
{
	if (split(start) || split(end))
		return -ENOMEM;
	u64 at = start;
	for (u32 i = vma_index(start); i < S->nvmas && S->vmas[i].start < end; i++) {
		struct vma *v = &S->vmas[i], now = *v;
		/* A hole in the range: mprotect(2), ENOMEM. */
		if (v->start != at)
			return -ENOMEM;
		at = v->end;
		if (v->kind == V_LIBOS)
			continue;
		now.prot = prot;
		/* Only what is charged more than before needs room. */
		if (!vma_room(&now, charge(v)))
			return -ENOMEM;
		now.flags |= prot ? VF_TOUCHED : 0;
		book(v, -1);
		*v = now;
		book(v, 1);
	}
	if (at < end)
		return -ENOMEM;
	/* Join what is now alike, from the left neighbour to the right one. */
	for (u32 i = MAX(vma_index(start), 1); i < S->nvmas && S->vmas[i].start <= end;) {
		if (alike(&S->vmas[i - 1], &S->vmas[i])) {
			S->vmas[i - 1].end = S->vmas[i].end;
			close_slot(i);
		} else {
			i++;
		}
	}
	return 0;
}

/* Lowest gap of len bytes in HIGH; hint is below every gap that could matter. 0: none. The first
 * gap that is large enough. hint is below every gap that could matter, so V8's many mappings are
 * not walked through each time. */
u64 vma_gap(u64 len)
{
	u64 at = MAX(S->hint, UC_HIGH + UC_STATE_SIZE);
	int first = 1;
	for (u32 i = vma_index(at); i < S->nvmas; i++) {
		struct vma *v = &S->vmas[i];
		if (v->start >= at + len)
			break;
		if (first && v->start > at)
			first = 0; /* a gap too small: the hint may not pass it */
		at = v->end;
		if (first)
			S->hint = at;
	}
	return at + len <= UC_HIGH_END ? at : 0;
}
