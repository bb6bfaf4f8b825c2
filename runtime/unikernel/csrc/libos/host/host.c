/*
 * host.c: what the libOS asks of the host besides the channel's packets: the end of a UC, sleep,
 * random bytes, FS, memory back.
 *
 * The list of host system calls is abi/uc_filter.h's: the seccomp filter kills on any other. All
 * are made through hostcall, by the one instruction that the filter lets pass.
 */
#include "base/state.h"
#include "host/host.h"

/* Signals other than the tick do not come, but the tick may interrupt a send that waits. */
i64 host_send(u64 len, int flags)
{
	i64 r;
	do
		r = hostcall(__NR_sendto, UC_CHANNEL_FD, (u64)TX, len, flags | MSG_NOSIGNAL, 0, 0);
	while (r == -EINTR);
	return r;
}

/* The last message, and the end of the host process. The status of the process says the same as the
 * message, in case nobody reads. */
void uc_end(u32 how, u32 id, const char *why)
{
	/* A sentence for people; a packet has room for much more. */
	u64 n = MIN(strlen(why), 1024);
	/* A refusal of memory may be why the guest gave up: UC_EXIT_F_MEMORY lets the platform say so. */
	*(struct uc_msg *)TX = (struct uc_msg){ UC_MSG_EXIT, S->refused ? UC_EXIT_F_MEMORY : 0, id, how, n };
	memcpy(TX + sizeof(struct uc_msg), why, n);
	/* Not for ever: a platform that does not read must not keep a dead UC alive. The exit status
	 * says it too. */
	host_send(sizeof(struct uc_msg) + n, MSG_DONTWAIT);
	/* exit_group does not come back; a tracer could make it. */
	for (;;)
		/* An exit status has eight bits. */
		hostcall(__NR_exit_group, how == UC_EXIT_OK ? id & 255 : how, 0, 0, 0, 0, 0);
}

/* A defect of the libOS, or a host that does not keep its word. value is for whoever reads the log. */
void uc_panic(const char *what, u64 value)
{
	char b[160];
	struct text t = { b, 0, sizeof b - 1 };
	put(&t, "libOS: "), put(&t, what), put(&t, " 0x"), put_x(&t, value);
	b[t.n] = 0;
	uc_end(UC_EXIT_LIBOS, 0, b);
}

/* The UC sleeps from here on until host_woke: the capture point. Nothing of the region is written
 * meanwhile, and no register and no stack is live.
 *
 * Sequentially consistent stores: another process reads both words, and must see them in this order
 * (abi/uc.h, uc_state). */
void host_asleep(void) { __atomic_store_n(&S->pub.quiescent, UC_QUIESCENT, __ATOMIC_SEQ_CST); }

void host_woke(void)
{
	__atomic_store_n(&S->pub.quiescent, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&S->pub.wakes, S->pub.wakes + 1, __ATOMIC_SEQ_CST);
}

/* getrandom(2) of more than 256 bytes may be interrupted and come back short; so it is asked in
 * pieces. */
void host_entropy(void *p, u64 n)
{
	for (u64 k; n; n -= k, p = (u8 *)p + k) {
		i64 r = hostcall(__NR_getrandom, (u64)p, MIN(n, 256), 0, 0, 0, 0);
		if (r == -EINTR) {
			k = 0;
			continue;
		}
		/* Without entropy no clone may go on: two of them would be the same. */
		if (r <= 0)
			uc_panic("getrandom", -r);
		k = r;
	}
}

/* By way of the stack: the host must not write to an address of the guest's choice that it may
 * fault on. */
i64 host_entropy_user(u64 dst, u64 n)
{
	u8 r[256];
	for (u64 at = 0, k; at < n; at += k) {
		k = MIN(n - at, sizeof r);
		host_entropy(r, k);
		if (to_user(dst + at, r, k))
			return -EFAULT;
	}
	return n;
}

/* wrfsbase costs some 20 cycles, the system call some 200; not every host lets a process use the
 * instruction. */
void host_set_fs(u64 fs)
{
	S->host_fs = fs;
	if (HOST->flags & UC_F_FSGSBASE)
		__asm__ volatile("wrfsbase %0" : : "r"(fs));
	else
		hostcall(__NR_arch_prctl, ARCH_SET_FS, fs, 0, 0, 0, 0);
}

/* Above snap_top no snapshot lies beneath, and MADV_DONTNEED gives zeros. Below, it would bring the
 * snapshot's content back: small ranges are zeroed in place, large ones covered by a fresh mapping,
 * which the state books for the tender. */
void host_discard(u64 start, u64 end)
{
	/* The range may lie on both sides of the snapshot's end. */
	u64 low = MAX(start, S->snap_top);
	if (start < S->snap_top && (start >= UC_HIGH || S->pub.resumes)) {
		u64 stop = MIN(end, S->snap_top);
		/* A mapping of its own costs the host a structure and the tender a range; below 64 pages
		 * zeroing is cheaper than both. */
		if (stop - start < 64 * PAGE || S->pub.discards == UC_DISCARDS) {
			memset((void *)start, 0, stop - start);
		} else {
			struct uc_range *d = &S->pub.discard[S->pub.discards];
			/* V8 gives back neighbouring ranges one after the other: one entry is enough for them. */
			if (S->pub.discards && d[-1].end == start)
				d[-1].end = stop;
			else
				*d = (struct uc_range){ start, stop }, S->pub.discards++;
			i64 r = hostcall(__NR_mmap, start, stop - start, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
			if (r != (i64)start)
				uc_panic("discard", -r);
		}
	} else {
		low = start;
	}
	/* madvise gives the pages back; the next touch finds zeros. */
	if (low < end)
		hostcall(__NR_madvise, low, end - low, MADV_DONTNEED, 0, 0, 0);
}
