/* pages.c: which pages of a UC are its own, asked while it sleeps, and what else a zygote says of its children. */
#include "tender.h"
#include <linux/fs.h>

int proc_open(int pid, const char *name, int flags)
{
	char path[64], *p = decimal(path, pid);
	*p++ = '/';
	memcpy(p, name, strlen(name) + 1);
	return SYS3(openat, FD_PROC, path, flags | O_CLOEXEC);
}

static i64 read_vm(int pid, void *to, u64 from, u64 n)
{
	struct iovec l = { to, n }, r = { (void *)from, n };
	return SYS6(process_vm_readv, pid, &l, 1, &r, 1, 0);
}

#ifndef PAGEMAP_SCAN
#define PAGEMAP_SCAN 0xc0606610ul /* _IOWR('f', 16, struct pm_scan_arg), Linux 6.7 */
struct page_region { u64 start, end, categories; };
struct pm_scan_arg { u64 size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask, return_mask; };
#endif
#define IS_FILE (1ull << 2)
#define IS_PRESENT (1ull << 3)
#define IS_SWAPPED (1ull << 4)
#define IS_PFNZERO (1ull << 5)

static int add(struct table *t, u64 start, u64 end)
{
	if (t->n && t->p[t->n - 1].addr + t->p[t->n - 1].pages * PAGE == start) {
		t->p[t->n - 1].pages += (end - start) / PAGE;
		return 0;
	}
	if (t->n == t->max)
		return -ENOSPC;
	t->p[t->n++] = (struct tc_page){ start, 0, (end - start) / PAGE, 0 };
	return 0;
}

/* Pages in [start, end). Private ones: neither of a file nor the shared zero page. Or, shared: those that are mapped of a file. */
static i64 scan(int pagemap, u64 start, u64 end, int shared, struct table *t)
{
	static struct page_region v[512] ZYGOTE_DATA;
	while (start < end) {
		struct pm_scan_arg a = { sizeof a, 0, start, end, 0, (u64)v, 512, 0, IS_FILE | IS_PFNZERO, IS_FILE | IS_PFNZERO,
			IS_PRESENT | IS_SWAPPED, IS_PRESENT };
		if (shared)
			a.category_inverted = 0, a.category_mask = IS_FILE | IS_PRESENT, a.category_anyof_mask = 0;
		i64 n = SYS3(ioctl, pagemap, PAGEMAP_SCAN, &a);
		if (n < 0)
			return n;
		for (i64 i = 0; i < n; i++)
			if (add(t, v[i].start, v[i].end))
				return -ENOSPC;
		start = a.walk_end;
	}
	return 0;
}

/* The same by reading pagemap (Linux before 6.7). The shared zero page cannot be told there: its content is dropped later. */
static i64 scan_slowly(int pagemap, u64 start, u64 end, int shared, struct table *t)
{
	static u64 v[1024] ZYGOTE_DATA;
	while (start < end) {
		u64 want = MIN((end - start) / PAGE, 1024);
		i64 n = SYS4(pread64, pagemap, v, want * 8, start / PAGE * 8);
		if (n <= 0)
			return n < 0 ? n : -EIO;
		for (i64 i = 0; i < n / 8; i++, start += PAGE)
			if (v[i] >> 62 && (int)(v[i] >> 61 & 1) == shared && add(t, start, start + PAGE))
				return -ENOSPC;
	}
	return 0;
}

/* The file is open already of a child that was reset. */
static i64 scan_all(struct child *c, const struct uc_state *s, int shared, struct table *t)
{
	int open = c->proc[PROC_PAGEMAP], fd = open ? open - 1 : proc_open(c->pid, "pagemap", 0);
	if (fd < 0)
		return fd;
	u64 low = MIN(s->low_top, UC_LOW_END), high = MIN(s->high_top, UC_HIGH_END);
	i64 r = 0;
	for (int slowly = 0; slowly < 2; slowly++) {
		i64 (*f)(int, u64, u64, int, struct table *) = slowly ? scan_slowly : scan;
		t->n = 0;
		r = f(fd, UC_LOW, low, shared, t);
		if (!r)
			r = f(fd, UC_HIGH, high, shared, t);
		if (r != -ENOTTY && r != -EINVAL)
			break;
	}
	if (!open)
		SYS1(close, fd);
	return r;
}

/* Private pages in a range, whatever the guest says of itself. */
i64 scan_range(int pagemap, u64 start, u64 end, struct table *t)
{
	u32 before = t->n;
	i64 r = scan(pagemap, start, end, 0, t);
	if (r == -ENOTTY || r == -EINVAL) {
		t->n = before;
		r = scan_slowly(pagemap, start, end, 0, t);
	}
	return r;
}

/* Reads all entries of t to where base + off says. */
i64 read_pages(int pid, const struct table *t, u8 *base)
{
	struct iovec l[64], r[64];
	for (u32 i = 0; i < t->n;) {
		u32 k = 0;
		u64 len = 0;
		for (; i < t->n && k < 64 && len < (64 << 20); i++, k++) {
			u64 n = t->p[i].pages * PAGE;
			l[k] = (struct iovec){ base + t->p[i].off, n };
			r[k] = (struct iovec){ (void *)t->p[i].addr, n };
			len += n;
		}
		i64 got = SYS6(process_vm_readv, pid, l, k, r, k, 0);
		if (got != (i64)len)
			return got < 0 ? got : -EFAULT;
	}
	return 0;
}

/* Which pages of a UC that sleeps are its own, laid out from slot o->a of the arena on. Its state goes to the head of scratch. */
i64 list_pages(const struct tc_order *o, struct tc_reply *r, struct table *t)
{
	struct uc_state *s = (struct uc_state *)ZYGOTE_SCRATCH;
	struct child *c = &CHILDREN[o->id % TC_CHILDREN];
	i64 e = c->pid ? read_vm(c->pid, s, UC_STATE, sizeof *s) : -ESRCH;
	if (e >= 0 && e != sizeof *s)
		e = -EFAULT;
	if (e >= 0)
		e = s->magic == UC_MAGIC && s->quiescent == UC_QUIESCENT ? 0 : -EAGAIN;
	int shared = o->flags & TC_SHARED;
	if (!e && (shared || !private_list(c, 0, t)))
		e = scan_all(c, s, shared, t);
	for (u32 i = 0; e >= 0 && i < t->n; i++) {
		t->p[i].off = (o->a + r->a) * PAGE;
		r->a += t->p[i].pages;
	}
	r->b = s->wakes;
	return e < 0 ? e : 0;
}

/* That the UC has slept since list_pages: what was read of it is how it is. */
i64 still_asleep(int pid)
{
	const struct uc_state *s = (const struct uc_state *)ZYGOTE_SCRATCH;
	struct uc_state after;
	i64 head = offsetof(struct uc_state, discard), e = read_vm(pid, &after, UC_STATE, head);
	if (e != head)
		return e < 0 ? e : -EFAULT;
	return after.quiescent == UC_QUIESCENT && after.wakes == s->wakes ? 0 : -EAGAIN;
}

/* TC_SCAN. reply.n = entries; a = pages; b = wakes of the state. Scratch: struct uc_state, then entries. EAGAIN: see capture. */
void scan_pages(const struct tc_order *o, struct tc_reply *r)
{
	struct table t = { (struct tc_page *)(ZYGOTE_SCRATCH + PAGE), 0, (TC_SCRATCH - PAGE) / sizeof(struct tc_page) };
	i64 e = list_pages(o, r, &t);
	if (!e)
		e = still_asleep(CHILDREN[o->id % TC_CHILDREN].pid);
	r->err = e < 0 ? -e : 0;
	r->n = t.n;
}

/* The entries in scratch, to fd at their offsets; the caller compares wakes. reply.b = wakes, or EAGAIN. */
void copy_pages(const struct tc_order *o, struct tc_reply *r, int fd)
{
	struct table t = { (struct tc_page *)(ZYGOTE_SCRATCH + PAGE), MIN(o->a, (TC_SCRATCH - PAGE) / sizeof(struct tc_page)), 0 };
	int pid = CHILDREN[o->id % TC_CHILDREN].pid;
	u64 head = offsetof(struct uc_state, discard), end = 0;
	struct uc_state after;
	for (u32 i = 0; i < t.n; i++)
		end = t.p[i].off + t.p[i].pages * PAGE > end ? t.p[i].off + t.p[i].pages * PAGE : end;
	i64 e = SYS6(mmap, ZYGOTE_COPY, end, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (!FAILED(e)) {
		e = pid ? read_pages(pid, &t, (u8 *)ZYGOTE_COPY) : -ESRCH;
		if (!e && (e = read_vm(pid, &after, UC_STATE, head)) == (i64)head)
			e = after.quiescent == UC_QUIESCENT ? 0 : -EAGAIN;
		r->b = after.wakes;
		SYS2(munmap, ZYGOTE_COPY, end);
	}
	r->err = e < 0 ? -e : 0;
}

void peek(const struct tc_order *o, struct tc_reply *r)
{
	int pid = CHILDREN[o->id % TC_CHILDREN].pid;
	i64 e = pid && o->b <= TC_SCRATCH ? read_vm(pid, (void *)ZYGOTE_SCRATCH, o->a, o->b) : -ESRCH;
	r->err = e < 0 ? -e : 0;
	r->n = e < 0 ? 0 : e;
}

_Static_assert(offsetof(struct uc_host, max_threads) == offsetof(struct uc_host, mem_limit) + 8 &&
	offsetof(struct tc_order, b) == offsetof(struct tc_order, a) + 8, "set_limit writes both at once");

void set_limit(const struct tc_order *o, struct tc_reply *r)
{
	int pid = CHILDREN[o->id % TC_CHILDREN].pid;
	u32 magic = 0;
	if (pid && read_vm(pid, &magic, UC_HOST, sizeof magic) == sizeof magic && magic != UC_MAGIC) {
		r->err = EAGAIN; /* a spare that has not carried out its order yet, which would overwrite this */
		return;
	}
	/* The block is read-only to the guest, so this goes through /proc/PID/mem, which a parent may write. */
	int fd = pid ? proc_open(pid, "mem", O_RDWR) : -ESRCH;
	i64 e = fd < 0 ? fd : SYS4(pwrite64, fd, &o->a, 16, UC_HOST + offsetof(struct uc_host, mem_limit));
	if (fd >= 0)
		SYS1(close, fd);
	r->err = e < 0 ? -e : 0;
}

u64 time_spent(int pid)
{
	char b[64];
	int fd = proc_open(pid, "schedstat", 0);
	i64 n = fd < 0 ? fd : SYS3(read, fd, b, sizeof b);
	u64 ns = 0;
	for (i64 i = 0; i < n && b[i] >= '0' && b[i] <= '9'; i++)
		ns = ns * 10 + b[i] - '0';
	if (fd >= 0)
		SYS1(close, fd);
	return ns;
}

void stat_text(const struct tc_order *o, struct tc_reply *r)
{
	static const char *const names[] = { "schedstat", "stat", "status" };
	int pid = CHILDREN[o->id % TC_CHILDREN].pid;
	char *p = (char *)ZYGOTE_SCRATCH;
	r->err = pid ? 0 : ESRCH;
	for (int i = 0; pid && i < 3; i++) {
		int fd = proc_open(pid, names[i], 0);
		i64 n = fd < 0 ? fd : SYS3(read, fd, p, PAGE);
		if (fd >= 0)
			SYS1(close, fd);
		if (n < 0) {
			r->err = -n;
			return;
		}
		p[n] = 0;
		p += n + 1;
	}
	r->n = p - (char *)ZYGOTE_SCRATCH;
	r->a = CHILDREN[o->id % TC_CHILDREN].spent;
}
