/*
 * reset.c: makes a UC that has served a spare again (abi/uc.h, UC_SLEEP_CALL). Its process keeps the pages that functions write,
 * with the content that they had when it was forked: the next function of it neither pays for a fork nor for their faults.
 *
 * Nothing that the guest says of itself is believed. Where it sleeps, what it has mapped and which pages are its own is asked
 * of the kernel; every such page is written over, whether it changed or not.
 */
#include "tender.h"

_Static_assert(UC_CHANNEL_FD == 3 && UC_MSG_MAX == 0x10000 && UC_STACK == 0x7e0000140000 &&
	UC_STACK + UC_STACK_SIZE == 0x7e0000180000 && UC_STUB_IP == 0x7e0000000002, "UC_SLEEP_CALL");

/* How the region is mapped in this zygote, as /proc/PID/maps shows it, and so in every child that has not changed it. */
static char forked_maps[32768] ZYGOTE_DATA;
static i64 forked_maps_len ZYGOTE_DATA;

int proc_file(struct child *c, int which)
{
	static const char *const name[] = { "syscall", "maps", "pagemap", "mem", "stat" };
	if (!c->proc[which]) {
		int fd = proc_open(c->pid, name[which], which == PROC_MEM ? 2 /* O_RDWR */ : 0);
		if (fd < 0)
			return fd;
		c->proc[which] = fd + 1;
	}
	return c->proc[which] - 1;
}

/* Where the lines of the region end in n bytes of maps; -1: not there yet. */
static i64 region_end(const char *maps, i64 n)
{
	static const char beyond[] = "7"; /* UC_IMAGE and all above begin with this, in 12 digits */
	for (i64 at = 0; at < n;) {
		i64 end = at, dash = at;
		while (end < n && maps[end] != '\n')
			end++;
		while (dash < end && maps[dash] != '-')
			dash++;
		if (dash - at == 12 && maps[at] == beyond[0])
			return at;
		at = end + 1;
	}
	return -1;
}

/* The lines of maps up to the end of the region, with no read more than they take. */
static i64 region_maps(int maps, char *to, i64 cap)
{
	i64 k = maps, end;
	for (i64 n = 0; maps >= 0 && n < cap && (k = SYS4(pread64, maps, to + n, cap - n, n)) > 0;) {
		n += k;
		if ((end = region_end(to, n)) >= 0)
			return end;
	}
	return k < 0 ? k : -E2BIG; /* it did not fit, or is no map of a UC */
}

void reset_init(void)
{
	int fd = SYS3(openat, FD_PROC, "self/maps", O_CLOEXEC);
	forked_maps_len = region_maps(fd, forked_maps, sizeof forked_maps);
	SYS1(close, fd);
}

i64 sleeps_in(struct child *c, const char *call)
{
	char b[160];
	int fd = proc_file(c, PROC_SYSCALL);
	i64 n = fd < 0 ? fd : SYS4(pread64, fd, b, sizeof b, 0), want = strlen(call);
	if (n < 0)
		return n;
	return n >= want && !memcmp(b, call, want) ? 0 : -EAGAIN;
}

static i64 mapped_as_forked(struct child *c)
{
	char *theirs = (char *)ZYGOTE_SCRATCH;
	i64 n = region_maps(proc_file(c, PROC_MAPS), theirs, sizeof forked_maps);
	if (n < 0 || forked_maps_len < 0)
		return n < 0 ? n : forked_maps_len;
	return n == forked_maps_len && !memcmp(theirs, forked_maps, n) ? 0 : -EBUSY;
}

static i64 write_vm(int pid, struct iovec *local, struct iovec *remote, u32 n, u64 len)
{
	i64 r = SYS6(process_vm_writev, pid, local, n, remote, n, 0);
	return r == (i64)len ? 0 : r < 0 ? r : -EFAULT;
}

/* What this zygote has at an address is what its children were forked with. */
static i64 roll_back(int pid, const struct table *t)
{
	struct iovec v[256];
	for (u32 i = 0; i < t->n;) {
		u32 k = 0;
		u64 len = 0;
		for (; i < t->n && k < 256; i++, k++) {
			v[k] = (struct iovec){ (void *)t->p[i].addr, t->p[i].pages * PAGE };
			len += v[k].len;
		}
		i64 e = write_vm(pid, v, v, k, len);
		if (e)
			return e;
	}
	return 0;
}

/* What its next life is told. The block is read-only to the guest: a parent may write it all the same. */
static i64 tell_host(struct child *c, const struct tc_run *run)
{
	struct uc_host h;
	int mem = proc_file(c, PROC_MEM);
	if (mem < 0)
		return mem;
	host_block(&h, run);
	i64 e = SYS4(pwrite64, mem, &h, sizeof h, UC_HOST);
	return e == sizeof h ? 0 : e < 0 ? e : -EIO;
}

static i64 scan_whole(struct child *c, struct table *t)
{
	int pagemap = proc_file(c, PROC_PAGEMAP);
	t->n = 0;
	i64 e = pagemap < 0 ? pagemap : scan_range(pagemap, UC_LOW, UC_LOW_END, t);
	if (!e)
		e = scan_range(pagemap, UC_HIGH, UC_HIGH_END, t);
	return e ? e : scan_range(pagemap, UC_STACK, UC_STACK + UC_STACK_SIZE, t);
}

void reset(const struct tc_order *o, struct tc_reply *r)
{
	const struct tc_run next_run = *(const struct tc_run *)ZYGOTE_SCRATCH; /* which the table overwrites */
	struct table t = { (struct tc_page *)(ZYGOTE_SCRATCH + PAGE), 0, (TC_SCRATCH - PAGE) / sizeof(struct tc_page) };
	struct child *c = &CHILDREN[o->id % TC_CHILDREN];
	i64 e = c->pid ? sleeps_in(c, UC_SLEEP_CALL) : -ESRCH;
	if (!e)
		e = mapped_as_forked(c);
	int known = !e && private_list(c, 1, &t);
	if (!e && !known)
		e = scan_whole(c, &t);
	for (u32 i = 0; !e && i < t.n; i++)
		r->a += t.p[i].pages;
	if (!e && r->a > o->a)
		e = -E2BIG;
	if (!e)
		e = roll_back(c->pid, &t);
	if (!e) {
		u64 next = ((const struct uc_libos *)UC_LIBOS_HEADER)->after_reset;
		struct iovec l = { &next, 8 }, to = { (void *)(UC_STACK + UC_STACK_SIZE - 8), 8 };
		e = write_vm(c->pid, &l, &to, 1, 8);
	}
	if (!e)
		e = tell_host(c, &next_run);
	if (!e && !known)
		private_record(c, &t);
	if (!e) {
		c->spent = time_spent(c->pid);
		c->id = o->b;
	}
	r->err = e < 0 ? -e : 0;
}

/* Pages that read as zero in the snapshot, whatever lies beneath. */
static i64 zero(int pid, u64 at, u64 pages)
{
	static u8 nothing[16 * PAGE] ZYGOTE_DATA;
	while (pages) {
		u64 n = MIN(pages, 16);
		struct iovec l = { (void *)nothing, n * PAGE }, to = { (void *)at, n * PAGE };
		i64 e = write_vm(pid, &l, &to, 1, n * PAGE);
		if (e)
			return e;
		at += n * PAGE, pages -= n;
	}
	return 0;
}

static i64 lay_copied(int pid, const struct tc_extent *l, u32 n)
{
	struct iovec from[256], to[256];
	for (u32 i = 0; i < n;) {
		u32 k = 0;
		u64 len = 0;
		for (; i < n && k < 256; i++) {
			if (l[i].kind != TC_COPIED)
				continue;
			from[k] = (struct iovec){ (void *)(ZYGOTE_ARENA + l[i].off), l[i].pages * PAGE };
			to[k] = (struct iovec){ (void *)l[i].addr, l[i].pages * PAGE };
			len += to[k++].len;
		}
		i64 e = k ? write_vm(pid, from, to, k, len) : 0;
		if (e)
			return e;
	}
	return 0;
}

void reuse(const struct tc_order *o, struct tc_reply *r)
{
	const struct tc_run *run = (const struct tc_run *)ZYGOTE_SCRATCH;
	const struct tc_extent *l = (const struct tc_extent *)(run + 1);
	struct child *c = &CHILDREN[o->id % TC_CHILDREN];
	int pid = c->pid;
	i64 e = pid && run->extents < TC_SCRATCH / 8 / sizeof *l ? 0 : -ESRCH;
	u64 zeroed = 0;
	for (u32 i = 0; !e && i < run->extents; i++)
		if (l[i].kind == TC_ZEROED)
			zeroed += l[i].pages;
	if (zeroed > 256)
		e = -E2BIG;
	for (u32 i = 0; !e && i < run->extents; i++)
		if (l[i].kind == TC_ZEROED)
			e = zero(pid, l[i].addr, l[i].pages);
	const u8 *patches = (const u8 *)(l + run->extents);
	if (!e && run->patches)
		private_forget(c);
	else if (!e)
		private_written(c, l, run->extents);
	if (!e && run->patches > TC_EXTENTS_AT)
		e = -E2BIG;
	if (!e)
		e = lay_copied(pid, l, run->extents);
	if (!e)
		e = lay_patches(pid, l, run->extents, patches, run->patches);
	if (!e)
		e = tell_host(c, run);
	r->err = e < 0 ? -e : 0;
}
