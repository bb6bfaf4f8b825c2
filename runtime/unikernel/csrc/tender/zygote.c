/*
 * zygote.c: a process that holds a prefix of a snapshot stack mapped. It carries out one order at a
 * time, in the order in which they come, and reaps its children in between. Every order ends
 * without a wait for another process, but for the end of one that was killed long ago (child_kill).
 */
#include "zygote.h"
#include "capability.h"
#include "capture.h"
#include "child.h"
#include "fork.h"
#include "map.h"
#include "pages.h"
#include "patches.h"
#include "private.h"
#include "proc.h"
#include "reset.h"
#include "spare.h"
#include "watch.h"
#include "wire.h"
#include <linux/memfd.h>

/* The root has neither scratch nor arena, so these two mappings fail there. Orders that need them
 * go to zygotes below the root. */
void zygote_init(void)
{
	/* Without these two no child can be known. */
	child_init();
	private_init();
	map_alone(ZYGOTE_SCRATCH, TC_SCRATCH, FD_SCRATCH);
	map_alone(ZYGOTE_ARENA, ZYGOTE_ARENA_SIZE, FD_ARENA);
	map_alone(ZYGOTE_BUFFER, ZYGOTE_BUFFER_SIZE, -1);
}

/* On the zygote's own stack. What the process used as a spare its children must not inherit: to
 * write to an inherited page costs more than to write to a new one. */
static _Noreturn void zygote_start(u64 unused)
{
	(void)unused;
	/* The order lay on UC_STACK; what is needed of it was copied or mapped. */
	SYS3(madvise, UC_STACK, UC_STACK_SIZE, MADV_DONTNEED);
	SYS3(madvise, UC_HOST, UC_HOST_SIZE, MADV_DONTNEED);
	zygote_init();
	reset_init();
	note_capabilities();
	const struct tc_reply ready = { .op = TC_ZYGOTE };
	reply(&ready, -1);
	zygote_loop();
}

/* Where a fork begins. */
static void spare_entry(int channel, int zygote)
{
	/* Until fresh_data returns, the data are those of the parent zygote. */
	spare_main(channel, zygote);
	fresh_data();
	switch_stack(zygote_start, 0);
}

/* The place is free: what is remembered of the child must not be taken for the next one's. */
static void end_child(struct child *c)
{
	child_kill(c);
	private_forget(c);
}

/* A file in memory, of huge pages where the kernel has them and the order wants them. A descriptor
 * or -errno. */
static i64 new_file(u64 bytes, int huge)
{
	i64 fd;
	if (huge)
		fd = SYS4(openat, FD_HUGE, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	else
		fd = SYS2(memfd_create, "snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fd;
	/* A file of no size has no pages: reads and writes beyond its end would be short. */
	i64 r = SYS2(ftruncate, fd, bytes);
	if (r < 0) {
		SYS1(close, fd);
		return r;
	}
	return fd;
}

/* Whether the order is for the child that has the place now. A child that was reset has another id,
 * and so has one that was forked in its place. FORK gives the place away; FILE and WATCH are for no
 * child. */
static int is_for(const struct tc_order *o, const struct child *c)
{
	return o->op == TC_FORK || o->op == TC_FILE || o->op == TC_WATCH || c->id == o->id;
}

/* The platform may send an order for a child that it has just killed. */
static void refuse(const struct tc_order *o)
{
	const struct tc_reply gone = { .op = o->op, .id = o->id, .err = ESRCH };
	if (o->op != TC_KILL) /* has no reply */
		reply(&gone, -1);
}

/* The platform gives a place away only after it had its child killed; a child that is still there
 * is the platform's mistake, and ends. */
static void fork_child(struct child *c, u32 id, int channel)
{
	if (c->pid)
		end_child(c);
	child_fork(c, channel, spare_entry);
	c->id = id;
}

/* Carries out an order that has a reply. fd: the descriptor that came with the order, or -1.
 * Returns the reply's, or -1. */
static int carry_out(const struct tc_order *o, struct tc_reply *r, int fd)
{
	i64 file;
	/* control.h says what each order does. */
	switch (o->op) {
	case TC_CAPTURE: capture(o, r); break;
	case TC_SCAN: scan_pages(o, r); break;
	case TC_PATCHES: patches(o, r); break;
	case TC_COPY: copy_pages(o, r, fd); break;
	case TC_LIMIT: set_limit(o, r); break;
	case TC_STAT: stat_text(o, r); break;
	case TC_PEEK: peek(o, r); break;
	case TC_WATCH: watch(o, r); break;
	case TC_RESET: reset(o, r); break;
	case TC_REUSE: reuse(o, r); break;
	case TC_FILE:
		file = new_file(o->a, o->b);
		r->err = file < 0 ? -file : 0;
		return file;
	default: r->err = ENOSYS;
	}
	return -1;
}

/* A descriptor that came with an order is closed here, but for a channel, which child_fork closes. */
static void obey(const struct tc_order *o, int fd)
{
	struct child *c = child_of(o->id);
	if (!is_for(o, c)) {
		refuse(o);
	} else if (o->op == TC_FORK) {
		if (fd >= 0)
			fork_child(c, o->id, fd);
		return; /* child_fork closed the channel */
	} else if (o->op == TC_KILL) {
		end_child(c);
	} else {
		struct tc_reply r = { .op = o->op, .id = o->id };
		int file = carry_out(o, &r, fd);
		reply(&r, file);
		if (file >= 0)
			SYS1(close, file);
	}
	if (fd >= 0)
		SYS1(close, fd);
}

void zygote_loop(void)
{
	struct tc_order o;
	for (;;) {
		int fd, n; /* the descriptor that came along, if n is 1 */
		/* SIGCHLD interrupts the wait (signal(7)): on_child is installed without
		 * SA_RESTART. */
		i64 got = receive(&o, sizeof o, &fd, 1, &n);
		child_reap(got == -EINTR);
		if (got == -EINTR)
			continue;
		if (got == 0 || (got < 0 && got != -EMSGSIZE))
			SYS1(exit_group, 0); /* the platform has let go of this zygote, or is gone */
		if (got != sizeof o || o.magic != TC_MAGIC)
			/* Platform and tender are of different versions, which their build
			 * excludes. */
			quit("malformed order to a zygote", -EBADMSG);
		obey(&o, n ? fd : -1);
	}
}
