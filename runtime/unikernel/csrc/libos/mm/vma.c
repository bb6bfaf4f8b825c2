/*
 * vma.c: the book of mappings: a sorted array, so that V8's thousand mappings are a few pages, searched by bisection.
 *
 * Accounting (uc_state.committed, bounded by uc_host.mem_limit): what is writable is charged in full when it becomes
 * writable, as RLIMIT_DATA does, so touching memory cannot exceed the limit; PROT_NONE reservations are free. Three
 * departures. A thread stack of at most 8 MB is charged 256 KB, since glibc maps 8 MB for each thread and programs use a few
 * pages. What may be written and executed is charged a part: V8 maps all of the 512 MB that its code may ever take (Node.js 24).
 * Discounts are bounded, those of code by CODE_MAX, those of stacks by STACKS_MAX, and a tender that must be sure watches what is
 * resident: of the stacks' discounts it is told no more than STACKS_TOLD, above which only stacks that nearly all stay empty are
 * within the limit. A private copy of a read-only file counts to a bound of its own (TEXT_MAX): the base snapshot shares those pages among all.
 */
#include "core/state.h"
#include "host/host.h"

#define STACK_CHARGE (256 * 1024ull)
#define STACK_MAX ((8ull << 20) + 65536)
#define CODE_PART 32
#define CODE_MAX (2ull << 30)
#define STACKS_MAX (MAX_THREADS * STACK_MAX)
#define STACKS_TOLD (2ull << 30)
#define TEXT_MAX (1ull << 30)

static u64 charge(const struct vma *v)
{
	u64 n = v->end - v->start;
	if (!(v->prot & PROT_WRITE))
		return 0;
	if (v->prot & PROT_EXEC)
		return n / CODE_PART;
	return v->kind == V_STACK && n <= STACK_MAX ? MIN(n, STACK_CHARGE) : n;
}

static u64 discount(const struct vma *v) { return v->prot & PROT_WRITE ? v->end - v->start - charge(v) : 0; }

static u64 text(const struct vma *v)
{
	return v->kind == V_FILE && !(v->prot & PROT_WRITE) ? v->end - v->start : 0;
}

static u64 *discounts(const struct vma *v) { return v->prot & PROT_EXEC ? &S->code : &S->stacks; }

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

/* Index of the first mapping that ends above addr. */
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

struct vma *vma_find(u64 addr)
{
	u32 i = vma_index(addr);
	return i < S->nvmas && S->vmas[i].start <= addr ? &S->vmas[i] : NULL;
}

static int alike(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->kind == b->kind && a->flags == b->flags && a->kind == V_ANON;
}

static void open_slot(u32 i)
{
	memmove(&S->vmas[i + 1], &S->vmas[i], (S->nvmas - i) * sizeof(struct vma));
	S->nvmas++;
}

static void close_slot(u32 i)
{
	S->nvmas--;
	memmove(&S->vmas[i], &S->vmas[i + 1], (S->nvmas - i) * sizeof(struct vma));
}

/* The range must be free. */
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

/* Cuts the mapping that contains addr strictly inside into two. */
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
		if (v.kind == V_LIBOS && !libos) {
			i++;
			continue;
		}
		book(&v, -1);
		close_slot(i);
		if (v.flags & VF_TOUCHED)
			host_discard(v.start, v.end);
		S->hint = MIN(S->hint, v.start);
	}
	return 0;
}

int vma_protect(u64 start, u64 end, int prot)
{
	if (split(start) || split(end))
		return -ENOMEM;
	u64 at = start;
	for (u32 i = vma_index(start); i < S->nvmas && S->vmas[i].start < end; i++) {
		struct vma *v = &S->vmas[i], now = *v;
		if (v->start != at)
			return -ENOMEM;
		at = v->end;
		if (v->kind == V_LIBOS)
			continue;
		now.prot = prot;
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

/* Lowest gap of len bytes in HIGH; hint is below every gap that could matter. 0: none. */
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
