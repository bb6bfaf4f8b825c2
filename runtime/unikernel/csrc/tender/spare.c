/*
 * spare.c: see spare.h. A spare runs on UC_STACK. It must not write the data of its zygote, which
 * the two share (ZYGOTE_DATA).
 */
#include "spare.h"
#include "capability.h"
#include "host.h"
#include "order.h"
#include "prefetch.h"
#include "wire.h"
#include <linux/prctl.h>
#include <linux/time.h>

/* The block is the guest's to read, and only to read: the libOS takes its limits from there. */
static void fill_host(const struct order *o)
{
	struct uc_host *h = (struct uc_host *)UC_HOST;
	if (ORDER->strings > UC_HOST_SIZE - sizeof *h)
		quit("arguments and environment do not fit", -E2BIG);
	host_block(h, ORDER);
	memcpy(h->strings, o->strings, ORDER->strings);
	SYS3(mprotect, UC_HOST, UC_HOST_SIZE, PROT_READ);
}

/* The last that runs of the tender in this process: uc_libos.leave unmaps it. What the order
 * brought is cleared, because the stack is the guest's to read. */
static _Noreturn void become_uc(const struct order *o)
{
	fill_host(o);
	drop_capabilities();
	/* A UC has one descriptor, its channel. */
	SYS2(close_range, FD_CONTROL + 1, ~0u);
	SYS2(close_range, 0, FD_CONTROL - 1);
	const struct itimerval tick = { { 0, UC_TICK_USEC }, { 0, UC_TICK_USEC } };
	SYS3(setitimer, ITIMER_PROF, &tick, 0);
	u64 how = ORDER->how; /* the last that is needed of the order */
	memset(ORDER, 0, sizeof *ORDER);
	__asm__ volatile("mov %0, %%rsp; jmp *%1"
					 :
					 : "r"(UC_STACK + UC_STACK_SIZE), "r"(LIBOS->leave), "D"(how)
					 : "memory");
	__builtin_unreachable();
}

/* Mappings of files outlive their descriptors. FD_ARENA is in place already, because lay reads from
 * it. */
static void become_zygote(const struct order *o)
{
	if (o->nfds < TC_ZYGOTE_FDS)
		quit("zygote without image, arena and scratch", -EBADMSG);
	/* Shared: every UC that descends from this zygote reads the same pages of the page cache. */
	i64 r = SYS6(mmap, UC_IMAGE, ORDER->image_size, PROT_READ, MAP_SHARED | MAP_FIXED, o->fds[0], 0);
	if (ORDER->image_size && FAILED(r))
		quit("map the image", r);
	SYS3(dup3, o->fds[2], FD_SCRATCH, O_CLOEXEC);
	prefetch_make(o);
	SYS2(close_range, FD_FIRST_FREE, ~0u);
}

/* Received descriptors move out of the way of those that have a fixed number. */
static void move_descriptors(struct order *o)
{
	for (int i = 0; i < o->nfds; i++) {
		i64 r = SYS3(fcntl, o->fds[i], F_DUPFD_CLOEXEC, FD_FIRST_FREE);
		SYS1(close, o->fds[i]);
		o->fds[i] = r;
	}
}

void spare_main(int channel, int zygote)
{
	struct order o;
	/* A zygote that dies takes its children along (prctl(2)): nobody else would know them. */
	SYS5(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* A zygote that died before that call sends no signal, and the root is the parent. */
	if (SYS0(getppid) != zygote)
		SYS1(exit_group, 0);
	SYS3(dup3, channel, FD_CONTROL, 0);
	SYS1(close, channel);
	prefetch();
	/* The spare waits here, most often for seconds. */
	i64 n = receive(ORDER, TC_PACKET, o.fds, ORDER_FDS, &o.nfds);
	if (n == 0 || n == -ECONNRESET)
		SYS1(exit_group, 0); /* the platform needs this spare no more */
	if (n < (i64)sizeof *ORDER || ORDER->magic != TC_MAGIC)
		quit("malformed order", n < 0 ? n : -EBADMSG);
	move_descriptors(&o);
	unspill(&o, n);
	/* A UC reads from the arena of its zygote, a zygote brings its own. */
	if (ORDER->op == TC_ZYGOTE)
		SYS3(dup3, o.nfds > 1 ? o.fds[1] : -1, FD_ARENA, O_CLOEXEC);
	else if (ORDER->op != TC_RUN)
		quit("unknown order", -ENOSYS);
	lay(&o);
	if (ORDER->op == TC_RUN)
		become_uc(&o);
	become_zygote(&o);
}
