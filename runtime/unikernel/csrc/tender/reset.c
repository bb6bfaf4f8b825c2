/*
 * reset.c: see reset.h. The process keeps the pages that functions write, with the content that
 * they had at the fork: the next function pays neither for a fork nor for those page faults.
 *
 * Nothing that the guest says of itself is believed. The kernel is asked where the UC sleeps, what
 * it has mapped and which pages are private. Every private page is written over, whether it changed
 * or not.
 */
#include "reset.h"
#include "host.h"
#include "pages.h"
#include "patches.h"
#include "private.h"
#include "proc.h"

/* The numbers in the text of UC_SLEEP_CALL. */
_Static_assert(UC_CHANNEL_FD == 3 && UC_MSG_MAX == 0x10000 && UC_STACK == 0x7e0000140000 &&
		UC_STACK + UC_STACK_SIZE == 0x7e0000180000 && UC_STUB_IP == 0x7e0000000002,
	"UC_SLEEP_CALL");

enum { MAX_ZEROED = 256 }; /* pages that one REUSE zeroes: more take longer than a fork */

/* The region in this zygote's /proc/self/maps. A child that has mapped and unmapped nothing shows
 * the same text. */
static char forked_maps[32768] ZYGOTE_DATA;
static i64 forked_maps_len ZYGOTE_DATA; /* bytes, or -errno */

/* Where the lines of the region end in n bytes of maps; -1: they go on. */
static i64 region_end(const char *maps, i64 n)
{
	/* A line begins START-END in hexadecimal. UC_IMAGE and all above have 12 digits, the first
	 * of them 7. */
	enum { DIGITS = 12, FIRST = '7' };
	for (i64 at = 0; at < n;) {
		i64 end = at, dash = at;
		while (end < n && maps[end] != '\n')
			end++;
		while (dash < end && maps[dash] != '-')
			dash++;
		if (dash - at == DIGITS && maps[at] == FIRST)
			return at;
		at = end + 1;
	}
	return -1;
}

/* Reads the lines of the region, with no read more than they take: the kernel makes the text anew
 * at each. Bytes or -errno; -E2BIG: it did not fit, or is no map of a UC. */
static i64 region_maps(int maps, char *to, i64 cap)
{
	i64 k = maps, end;
	for (i64 n = 0; maps >= 0 && n < cap && (k = SYS4(pread64, maps, to + n, cap - n, n)) > 0;) {
		n += k;
		if ((end = region_end(to, n)) >= 0)
			return end;
	}
	return k < 0 ? k : -E2BIG;
}

void reset_init(void)
{
	int fd = SYS3(openat, FD_PROC, "self/maps", O_CLOEXEC);
	forked_maps_len = region_maps(fd, forked_maps, sizeof forked_maps);
	SYS1(close, fd);
}

static i64 mapped_as_forked(struct child *c)
{
	char *theirs = (char *)ZYGOTE_SCRATCH;
	/* Compared as text: a mapping that was split, moved or made of another protection shows. */
	i64 n = region_maps(proc_file(c, PROC_MAPS), theirs, sizeof forked_maps);
	if (n < 0 || forked_maps_len < 0)
		return n < 0 ? n : forked_maps_len;
	return n == forked_maps_len && !memcmp(theirs, forked_maps, n) ? 0 : -EBUSY;
}

/* Writes the zygote's private pages over a child's: a child was forked with what the zygote has at an
 * address. */
static i64 roll_back(int pid, const struct table *t)
{
	struct iovec v[256];
	for (u32 i = 0; i < t->n;) {
		u32 k = 0;
		u64 len = 0;
		for (; i < t->n && k < COUNT(v); i++, k++) {
			v[k] = (struct iovec){ (void *)t->p[i].addr, t->p[i].pages * PAGE };
			len += v[k].iov_len;
		}
		/* Both sides name the same addresses. */
		i64 e = write_vm(pid, v, v, k, len);
		if (e)
			return e;
	}
	return 0;
}

/* Writes the host block of the child's next life. The block is read-only to the guest, but a parent
 * may write it (/proc/PID/mem). */
static i64 tell_host(struct child *c, const struct tc_run *run)
{
	struct uc_host h;
	int mem = proc_file(c, PROC_MEM);
	if (mem < 0)
		return mem;
	host_block(&h, run);
	/* Without the strings: a restored UC has read them long ago. */
	i64 e = SYS4(pwrite64, mem, &h, sizeof h, UC_HOST);
	return e == sizeof h ? 0 : e < 0 ? e : -EIO;
}

/* The private pages of the whole region and of the stack, in address order. low_top and high_top
 * are the guest's word. */
static i64 scan_whole(struct child *c, struct table *t)
{
	int pagemap = proc_file(c, PROC_PAGEMAP);
	t->n = 0;
	i64 e = pagemap < 0 ? pagemap : scan_range(pagemap, UC_LOW, UC_LOW_END, t);
	if (!e)
		e = scan_range(pagemap, UC_HIGH, UC_HIGH_END, t);
	return e ? e : scan_range(pagemap, UC_STACK, UC_STACK + UC_STACK_SIZE, t);
}

/* The word that the libOS returns to out of UC_SLEEP_CALL, see uc_libos.after_reset. */
static i64 tell_where(int pid)
{
	u64 next = LIBOS->after_reset;
	struct iovec l = { &next, sizeof next }, to = { (void *)(UC_STACK + UC_STACK_SIZE - sizeof next), sizeof next };
	return write_vm(pid, &l, &to, 1, sizeof next);
}

/* TC_RESET */
void reset(const struct tc_order *o, struct tc_reply *r)
{
	const struct tc_run next_run = *(const struct tc_run *)ZYGOTE_SCRATCH; /* the table overwrites it */
	struct table t = { SCRATCH_TABLE, 0, SCRATCH_ENTRIES };
	struct child *c = child_of(o->id);
	/* A guest may wake its libOS by nothing but a message. The platform sends none now and has seen
	 * that all are read (SIOCOUTQ): a UC that sleeps here stays. */
	i64 e = c->pid ? sleeps_in(c, UC_SLEEP_CALL) : -ESRCH;
	if (!e)
		e = mapped_as_forked(c);
	int known = !e && private_list(c, 1, &t);
	if (!e && !known)
		e = scan_whole(c, &t);
	/* Beyond the platform's bound a fork is cheaper. */
	for (u32 i = 0; !e && i < t.n; i++)
		r->a += t.p[i].pages;
	if (!e && r->a > o->a)
		e = -E2BIG;
	if (!e)
		e = roll_back(c->pid, &t);
	if (!e)
		e = tell_where(c->pid);
	if (!e)
		e = tell_host(c, &next_run);
	/* The writes above counted no fault of the child's, and the pages are its own now. */
	if (!e && !known)
		private_record(c, &t);
	/* The next life is another child: what its processor time was until now is not its own. */
	if (!e) {
		c->spent = time_spent(c->pid);
		c->id = o->b;
	}
	r->err = e < 0 ? -e : 0;
}

/* TC_ZEROED: pages that read as zero in the snapshot, whatever the zygote has there. */
static i64 lay_zeroed(int pid, u64 at, u64 pages)
{
	enum { AT_ONCE = 16 }; /* pages */
	static u8 zeros[AT_ONCE * PAGE] ZYGOTE_DATA; /* never written; as a constant 64 KB of the program */
	while (pages) {
		u64 n = MIN(pages, AT_ONCE);
		struct iovec l = { zeros, n * PAGE }, to = { (void *)at, n * PAGE };
		i64 e = write_vm(pid, &l, &to, 1, n * PAGE);
		if (e)
			return e;
		at += n * PAGE, pages -= n;
	}
	return 0;
}

/* TC_COPIED: pages of the arena. */
static i64 lay_copied(int pid, const struct tc_extent *l, u32 n)
{
	struct iovec from[256], to[256];
	for (u32 i = 0; i < n;) {
		u32 k = 0;
		u64 len = 0;
		for (; i < n && k < COUNT(to); i++) {
			if (l[i].kind != TC_COPIED)
				continue;
			from[k] = (struct iovec){ (void *)(ZYGOTE_ARENA + l[i].off), l[i].pages * PAGE };
			to[k] = (struct iovec){ (void *)l[i].addr, l[i].pages * PAGE };
			len += to[k++].iov_len;
		}
		i64 e = k ? write_vm(pid, from, to, k, len) : 0;
		if (e)
			return e;
	}
	return 0;
}

/* TC_REUSE. On failure the child is half laid: the platform kills it. */
void reuse(const struct tc_order *o, struct tc_reply *r)
{
	const struct tc_run *run = (const struct tc_run *)ZYGOTE_SCRATCH;
	const struct tc_extent *l = (const struct tc_extent *)(run + 1);
	struct child *c = child_of(o->id);
	int pid = c->pid;
	i64 e = pid && run->extents < TC_SCRATCH / 8 / sizeof *l ? 0 : -ESRCH;
	/* Nothing is written before it is known that all can be. */
	u64 zeroed = 0;
	for (u32 i = 0; !e && i < run->extents; i++)
		if (l[i].kind == TC_ZEROED)
			zeroed += l[i].pages;
	if (zeroed > MAX_ZEROED)
		e = -E2BIG;
	for (u32 i = 0; !e && i < run->extents; i++)
		if (l[i].kind == TC_ZEROED)
			e = lay_zeroed(pid, l[i].addr, l[i].pages);
	const u8 *patches = (const u8 *)(l + run->extents);
	/* Patches may lie anywhere, extents are known. */
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
