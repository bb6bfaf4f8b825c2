/*
 * pages.c: see pages.h. A UC is never stopped: it is looked at while it sleeps. uc_state.quiescent
 * and uc_state.wakes are read before and after, and a UC that woke in between makes the result
 * worthless (abi/uc.h, 'State').
 */
#include "pages.h"
#include "private.h"
#include "proc.h"
#include <linux/fs.h>

#ifndef PAGEMAP_SCAN
/* Linux 6.7, <linux/fs.h>: struct page_region and struct pm_scan_arg. Older headers lack them. */
#define PAGEMAP_SCAN 0xc0606610ul /* _IOWR('f', 16, struct pm_scan_arg) */
#define PAGE_IS_FILE (1ull << 2)
#define PAGE_IS_PRESENT (1ull << 3)
#define PAGE_IS_SWAPPED (1ull << 4)
#define PAGE_IS_PFNZERO (1ull << 5)
struct page_region {
	u64 start, end, categories;
};
struct pm_scan_arg {
	u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};
#endif

/* Bits of an entry of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PM_FILE_BIT 61 /* of a file, or shared anonymous */
#define PM_SWAPPED_BIT 62 /* and bit 63: present */

/* Ranges come in ascending order. One that continues the last becomes a part of it. */
static int append(struct table *t, u64 start, u64 end)
{
	struct tc_page *last = t->n ? &t->p[t->n - 1] : NULL;
	if (last && last->addr + last->pages * PAGE == start) {
		last->pages += (end - start) / PAGE;
		return 0;
	}
	if (t->n == t->max)
		return -ENOSPC;
	t->p[t->n++] = (struct tc_page){ start, 0, (end - start) / PAGE, 0 };
	return 0;
}

/* Private pages in [start, end): neither of a file nor the shared zero page. With shared: those
 * that are mapped of a file. */
static i64 scan(int pagemap, u64 start, u64 end, int shared, struct table *t)
{
	static struct page_region v[512] ZYGOTE_DATA;
	/* pagemap.rst, PAGEMAP_SCAN: a page matches if it has all bits of the mask, those in
	 * inverted the other way round, and one bit of anyof. */
	while (start < end) {
		struct pm_scan_arg a = {
			.size = sizeof a,
			.start = start,
			.end = end,
			.vec = (u64)v,
			.vec_len = COUNT(v),
			.category_inverted = PAGE_IS_FILE | PAGE_IS_PFNZERO,
			.category_mask = PAGE_IS_FILE | PAGE_IS_PFNZERO,
			.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
			.return_mask = PAGE_IS_PRESENT,
		};
		if (shared)
			a.category_inverted = 0, a.category_mask = PAGE_IS_FILE | PAGE_IS_PRESENT, a.category_anyof_mask = 0;
		i64 n = SYS3(ioctl, pagemap, PAGEMAP_SCAN, &a);
		if (n < 0)
			return n;
		for (i64 i = 0; i < n; i++)
			if (append(t, v[i].start, v[i].end))
				return -ENOSPC;
		/* Where the scan stopped: at the end, or because v is full. */
		start = a.walk_end;
	}
	return 0;
}

/* The same by reading pagemap, for Linux before 6.7. pagemap does not tell the shared zero page
 * from others: the content of such a page is dropped later. */
static i64 scan_slowly(int pagemap, u64 start, u64 end, int shared, struct table *t)
{
	static u64 v[1024] ZYGOTE_DATA;
	while (start < end) {
		u64 want = MIN((end - start) / PAGE, COUNT(v));
		i64 n = SYS4(pread64, pagemap, v, want * sizeof *v, start / PAGE * sizeof *v);
		if (n <= 0)
			return n < 0 ? n : -EIO;
		for (i64 i = 0; i < n / (i64)sizeof *v; i++, start += PAGE)
			if (v[i] >> PM_SWAPPED_BIT && (int)(v[i] >> PM_FILE_BIT & 1) == shared && append(t, start, start + PAGE))
				return -ENOSPC;
	}
	return 0;
}

/* What a kernel without PAGEMAP_SCAN, or without one of its flags, answers. */
static int lacks_scan(i64 r) { return r == -ENOTTY || r == -EINVAL; }

/* The region up to where the UC says that it ends: pages above low_top and high_top were never
 * touched. */
static i64 scan_region(struct child *c, const struct uc_state *s, int shared, struct table *t)
{
	int open = c->proc[PROC_PAGEMAP], fd = open ? open - 1 : proc_open(c->pid, "pagemap", O_RDONLY);
	if (fd < 0)
		return fd;
	u64 low = MIN(s->low_top, UC_LOW_END), high = MIN(s->high_top, UC_HIGH_END);
	i64 r = 0;
	/* The list begins anew if the first of the two finds out that the kernel lacks the call. */
	for (int slowly = 0; slowly < 2; slowly++) {
		i64 (*f)(int, u64, u64, int, struct table *) = slowly ? scan_slowly : scan;
		t->n = 0;
		r = f(fd, UC_LOW, low, shared, t);
		if (!r)
			r = f(fd, UC_HIGH, high, shared, t);
		if (!lacks_scan(r))
			break;
	}
	if (!open)
		SYS1(close, fd);
	return r;
}

i64 scan_range(int pagemap, u64 start, u64 end, struct table *t)
{
	u32 before = t->n;
	i64 r = scan(pagemap, start, end, 0, t);
	if (lacks_scan(r)) {
		t->n = before;
		r = scan_slowly(pagemap, start, end, 0, t);
	}
	return r;
}

i64 read_pages(int pid, const struct table *t, u8 *base)
{
	const u64 most = 64 << 20; /* bytes a call: the kernel may cut longer ones short (MAX_RW_COUNT is 2 GB) */
	struct iovec l[64], r[64];
	for (u32 i = 0; i < t->n;) {
		u32 k = 0;
		u64 len = 0;
		for (; i < t->n && k < COUNT(l) && len < most; i++, k++) {
			u64 n = t->p[i].pages * PAGE;
			l[k] = (struct iovec){ base + t->p[i].off, n };
			r[k] = (struct iovec){ (void *)t->p[i].addr, n };
			len += n;
		}
		/* A short read: a page is not there, or not the guest's to have. */
		i64 got = SYS6(process_vm_readv, pid, l, k, r, k, 0);
		if (got != (i64)len)
			return got < 0 ? got : -EFAULT;
	}
	return 0;
}

i64 list_pages(const struct tc_order *o, struct tc_reply *r, struct table *t)
{
	struct uc_state *s = SCRATCH_STATE;
	struct child *c = child_of(o->id);
	/* The state is the guest's to write. A lie about quiescence or wakes spoils the guest's own
	 * capture; every address is checked by the platform. */
	i64 e = c->pid ? read_vm(c->pid, s, UC_STATE, sizeof *s) : -ESRCH;
	if (e >= 0 && e != sizeof *s)
		e = -EFAULT;
	if (e >= 0)
		e = s->magic == UC_MAGIC && s->quiescent == UC_QUIESCENT ? 0 : -EAGAIN;
	int shared = o->flags & TC_SHARED;
	if (!e && (shared || !private_list(c, 0, t)))
		e = scan_region(c, s, shared, t);
	for (u32 i = 0; e >= 0 && i < t->n; i++) {
		t->p[i].off = (o->a + r->a) * PAGE;
		r->a += t->p[i].pages;
	}
	/* The caller compares it with the wakes of the next order. */
	r->b = s->wakes;
	return e < 0 ? e : 0;
}

/* The state up to the discards, which are not needed to tell whether a UC sleeps. */
#define STATE_HEAD ((i64)offsetof(struct uc_state, discard))

i64 still_asleep(int pid)
{
	struct uc_state after;
	i64 e = read_vm(pid, &after, UC_STATE, STATE_HEAD);
	if (e != STATE_HEAD)
		return e < 0 ? e : -EFAULT;
	return after.quiescent == UC_QUIESCENT && after.wakes == SCRATCH_STATE->wakes ? 0 : -EAGAIN;
}

int discarded(const struct uc_state *s, u64 address)
{
	/* The number is the guest's to write. */
	for (u32 i = 0; i < MIN(s->discards, UC_DISCARDS); i++)
		if (address >= s->discard[i].start && address < s->discard[i].end)
			return 1;
	return 0;
}

/* TC_SCAN */
void scan_pages(const struct tc_order *o, struct tc_reply *r)
{
	struct table t = { SCRATCH_TABLE, 0, SCRATCH_ENTRIES };
	i64 e = list_pages(o, r, &t);
	if (!e)
		e = still_asleep(child_of(o->id)->pid);
	r->err = e < 0 ? -e : 0;
	r->n = t.n;
}

/* TC_COPY. A target that is too short would raise SIGBUS only if the process wrote to it by itself;
 * process_vm_readv says EFAULT. */
void copy_pages(const struct tc_order *o, struct tc_reply *r, int fd)
{
	struct table t = { SCRATCH_TABLE, MIN(o->a, SCRATCH_ENTRIES), 0 };
	int pid = child_of(o->id)->pid;
	u64 end = 0;
	struct uc_state after;
	/* The platform's table, out of an earlier SCAN; its offsets lie within the file that it
	 * sent. */
	for (u32 i = 0; i < t.n; i++)
		end = MAX(end, t.p[i].off + t.p[i].pages * PAGE);
	i64 e = SYS6(mmap, ZYGOTE_COPY, end, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (!FAILED(e)) {
		e = pid ? read_pages(pid, &t, (u8 *)ZYGOTE_COPY) : -ESRCH;
		if (!e && (e = read_vm(pid, &after, UC_STATE, STATE_HEAD)) == STATE_HEAD)
			e = after.quiescent == UC_QUIESCENT ? 0 : -EAGAIN;
		r->b = after.wakes;
		SYS2(munmap, ZYGOTE_COPY, end);
	}
	r->err = e < 0 ? -e : 0;
}
