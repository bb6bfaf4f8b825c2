/* spare.c: a fork that waits for its order, lays its pages and becomes a UC or a zygote. It runs on the tender's stack. */
#include "tender.h"

#define PIDFD_SELF (-10000)

/* Populates many ranges with one call where the kernel can (6.14), so that none of them faults. A range that cannot be is left to
 * fault, and fails then. */
void populate(const struct iovec *v, u32 n, int advice)
{
	for (u32 i = 0; i < n;) {
		u32 k = MIN(n - i, 1024);
		i64 r = SYS5(process_madvise, PIDFD_SELF, v + i, k, advice, 0);
		if (r < 0)
			for (u32 j = i; j < i + k; j++)
				SYS3(madvise, v[j].base, v[j].len, advice);
		i += k;
	}
}

/* Under a hypervisor that shadows page tables, the first access to a page costs again, though it is mapped: better now, while
 * the spare waits, than when its order has come. */
static void touch(const struct iovec *v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		for (u64 at = 0; at < v[i].len; at += PAGE) {
			volatile u8 *p = (volatile u8 *)v[i].base + at;
			*p = *p;
		}
}

/* The order is received where the UC's libOS keeps its packets: memory that the UC has anyway. */
#define ORDER ((struct tc_run *)UC_STACK)

struct order { const struct tc_extent *extents; const char *strings; const u8 *patches; int fds[24], nfds; };

/* Where the parts of the order are, and that they are as long as the order says. */
static void unspill(struct order *o, i64 n)
{
	const struct tc_run *r = ORDER;
	u64 want = (u64)r->extents * sizeof(struct tc_extent) + r->strings + r->patches;
	const char *body = (const char *)(r + 1);
	if (r->spilled) {
		if (o->nfds < 1)
			quit("order without its spilled part", -EBADMSG);
		i64 p = SYS6(mmap, 0, PAGE_UP(want), PROT_READ, MAP_PRIVATE, o->fds[o->nfds - 1], 0);
		if (FAILED(p))
			quit("map the order", p);
		body = (const char *)p;
	} else if ((u64)n < sizeof *r + want) {
		quit("short order", -EBADMSG);
	}
	o->extents = (const struct tc_extent *)body;
	o->strings = body + (u64)r->extents * sizeof(struct tc_extent);
	o->patches = (const u8 *)o->strings + r->strings;
}

static void read_copied(const struct tc_extent *l, u32 n)
{
	struct iovec v[256];
	u32 m = 0;
	for (u32 i = 0; i < n; i++) {
		if (l[i].kind == TC_COPIED)
			v[m++] = (struct iovec){ (void *)l[i].addr, l[i].pages * PAGE };
		if (m == 256 || i + 1 == n) {
			populate(v, m, MADV_POPULATE_WRITE);
			m = 0;
		}
	}
	/* One call takes what is contiguous in the arena, wherever it goes. */
	for (u32 i = 0; i < n;) {
		u64 off = l[i].off, len = 0;
		u32 k = 0;
		for (; i < n && k < 256 && l[i].kind == TC_COPIED && l[i].off == off + len; i++, k++) {
			v[k] = (struct iovec){ (void *)l[i].addr, l[i].pages * PAGE };
			len += v[k].len;
		}
		if (!k) {
			i++;
			continue;
		}
		i64 r = SYS5(preadv, FD_ARENA, v, k, off, 0);
		if (r != (i64)len)
			quit("read pages of the snapshot", r < 0 ? r : -EIO);
	}
}

static void lay(const struct order *o)
{
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
	const struct tc_extent *l = o->extents;
	u32 n = ORDER->extents;
	for (u32 i = 0; i < n; i++) {
		u64 at = l[i].addr, len = l[i].pages * PAGE;
		int fd = l[i].kind == TC_MAPPED && 3 + l[i].file < o->nfds ? o->fds[3 + l[i].file] : -1;
		i64 r = 0;
		switch (l[i].kind) {
		case TC_MAPPED: r = SYS6(mmap, at, len, rwx, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, l[i].off); break;
		case TC_ZEROED: r = SYS6(mmap, at, len, rwx, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); break;
		}
		if (FAILED(r))
			quit("map pages of the snapshot", r);
	}
	read_copied(l, n);
	lay_patches_here(o->patches, ORDER->patches);
}

void host_block(struct uc_host *h, const struct tc_run *r)
{
	memset(h, 0, sizeof *h);
	h->abi = UC_ABI;
	h->flags = r->flags | (r->machine.hwcap2 & 2 ? UC_F_FSGSBASE : 0);
	h->pid = r->pid;
	memcpy(h->entropy, r->entropy, sizeof h->entropy);
	h->vdso_clock = r->machine.vdso_clock;
	h->image_size = r->image_size;
	h->mem_limit = r->mem_limit;
	h->max_threads = r->max_threads;
	h->hwcap = r->machine.hwcap;
	h->hwcap2 = r->machine.hwcap2;
	h->xsave_size = r->machine.xsave_size;
	h->cpus = r->cpus;
	h->argc = r->argc;
	h->envc = r->envc;
	h->exe_off = r->exe_off;
	h->strings_len = r->strings;
	/* Last: from here on the zygote may change limits (set_limit). */
	__atomic_store_n(&h->magic, UC_MAGIC, __ATOMIC_RELEASE);
}

static void fill_host(const struct order *o)
{
	struct uc_host *h = (struct uc_host *)UC_HOST;
	if (ORDER->strings > UC_HOST_SIZE - sizeof *h)
		quit("arguments and environment do not fit", -E2BIG);
	host_block(h, ORDER);
	memcpy(h->strings, o->strings, ORDER->strings);
	SYS3(mprotect, UC_HOST, UC_HOST_SIZE, PROT_READ);
}

static _Noreturn void become_uc(const struct order *o)
{
	fill_host(o);
	drop_capabilities();
	SYS2(close_range, FD_CONTROL + 1, ~0u);
	SYS2(close_range, 0, FD_CONTROL - 1);
	struct { u64 sec, usec; } tick[2] = { { 0, UC_TICK_USEC }, { 0, UC_TICK_USEC } };
	SYS3(setitimer, 2 /* ITIMER_PROF */, tick, 0);
	u64 how = ORDER->how;
	memset(ORDER, 0, sizeof *ORDER);
	const struct uc_libos *l = (const void *)UC_LIBOS_HEADER;
	__asm__ volatile("mov %0, %%rsp; jmp *%1" : : "r"(UC_STACK + UC_STACK_SIZE), "r"(l->leave), "D"(how) : "memory");
	__builtin_unreachable();
}

/* What a spare of this zygote needs whatever comes: the foot of the stack, where packets lie, its top, the host block. Then what
 * the platform has seen a UC touch. */
static void make_prefetch(const struct order *o)
{
	static const struct iovec always[] = {
		{ (void *)UC_STACK, PAGE }, { (void *)(UC_STACK + UC_MSG_MAX), PAGE },
		{ (void *)(UC_STACK + UC_STACK_SIZE - 3 * PAGE), 3 * PAGE }, { (void *)UC_HOST, PAGE },
	};
	struct prefetch *p = PREFETCH;
	u32 n = 0, max = sizeof p->v / sizeof *p->v;
	memcpy(p->v, always, sizeof always);
	n = sizeof always / sizeof *always;
	for (int kind = TC_PREFETCH_WRITE; kind <= TC_PREFETCH_READ; kind++) {
		for (u32 i = 0; i < ORDER->extents && n < max; i++)
			if (o->extents[i].kind == kind)
				p->v[n++] = (struct iovec){ (void *)o->extents[i].addr, o->extents[i].pages * PAGE };
		if (kind == TC_PREFETCH_WRITE)
			p->touched = n;
		else
			p->read = n - p->touched;
	}
}

/*
 * Where spares will write, the zygote's huge pages end as small ones anyway. But to read one of those maps all 512 of its huge page
 * (seen on Linux 6.18), and each takes a capture and a reset as long to look at as one that is the UC's own. A huge page that
 * crosses the border of a mapping is mapped as it is read, a few at a time: so the last small one of each gets a mapping of its
 * own, that differs in an advice which does nothing to it.
 */
static void part_huge_pages(const struct order *o)
{
	const u64 huge = 2 << 20;
	u64 end = 0;
	for (u32 i = 0, most = 64; i < ORDER->extents; i++) {
		const struct tc_extent *l = &o->extents[i];
		if (l->kind != TC_PREFETCH_WRITE)
			continue;
		for (u64 at = l->addr & -huge; at < l->addr + l->pages * PAGE && most; at += huge)
			if (at >= end) {
				end = at + huge, most--;
				SYS3(madvise, end - PAGE, PAGE, MADV_NOHUGEPAGE);
			}
	}
}

static void zygote_start(void)
{
	/* What this zygote used as a spare, its children must not inherit: to write to an inherited page costs more than a new one. */
	SYS3(madvise, UC_STACK, UC_STACK_SIZE, 4 /* MADV_DONTNEED */);
	SYS3(madvise, UC_HOST, UC_HOST_SIZE, 4);
	zygote_init();
	reset_init();
	note_capabilities();
	struct tc_reply ok = { .op = TC_ZYGOTE };
	reply(&ok, -1);
	zygote_loop();
}

/* Descriptors: image, arena, scratch, files of extents. Mappings of files outlive their descriptors. */
static _Noreturn void become_zygote(struct order *o)
{
	if (o->nfds < 3)
		quit("zygote without image, arena and scratch", -EBADMSG);
	i64 r = SYS6(mmap, UC_IMAGE, ORDER->image_size, PROT_READ, MAP_SHARED | MAP_FIXED, o->fds[0], 0);
	if (ORDER->image_size && FAILED(r))
		quit("map the image", r);
	SYS3(dup3, o->fds[1], FD_ARENA, O_CLOEXEC);
	SYS3(dup3, o->fds[2], FD_SCRATCH, O_CLOEXEC);
	make_prefetch(o);
	part_huge_pages(o);
	SYS2(close_range, FD_FIRST_FREE, ~0u);
	fresh_data();
	switch_stack(zygote_start);
}

void spare_main(int channel)
{
	struct order o;
	SYS5(prctl, 1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0);
	SYS3(dup3, channel, FD_CONTROL, 0);
	SYS1(close, channel);
	populate(PREFETCH->v, PREFETCH->touched, MADV_POPULATE_WRITE);
	touch(PREFETCH->v, PREFETCH->touched);
	populate(PREFETCH->v + PREFETCH->touched, PREFETCH->read, MADV_POPULATE_READ);
	i64 n = receive(ORDER, TC_PACKET, o.fds, 24, &o.nfds);
	if (n == 0 || n == -ECONNRESET)
		SYS1(exit_group, 0); /* it was in the pool and is not wanted any more */
	if (n < (i64)sizeof *ORDER || ORDER->magic != TC_MAGIC)
		quit("malformed order", n < 0 ? n : -EBADMSG);
	/* Received descriptors move out of the way of the fixed ones. */
	for (int i = 0; i < o.nfds; i++) {
		i64 r = SYS3(fcntl, o.fds[i], 1030 /* F_DUPFD_CLOEXEC */, FD_FIRST_FREE);
		SYS1(close, o.fds[i]);
		o.fds[i] = r;
	}
	unspill(&o, n);
	if (ORDER->op == TC_ZYGOTE)
		SYS3(dup3, o.nfds > 1 ? o.fds[1] : -1, FD_ARENA, O_CLOEXEC);
	else if (ORDER->op != TC_RUN)
		quit("unknown order", -ENOSYS);
	lay(&o);
	if (ORDER->op == TC_ZYGOTE)
		become_zygote(&o);
	become_uc(&o);
}
