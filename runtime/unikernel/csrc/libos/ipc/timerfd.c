/*
 * timerfd.c: timers that are read like files (timerfd_create(2)).
 *
 * Nothing runs when a timer expires: how often it has expired is reckoned when somebody asks. The
 * scheduler asks for the next deadline before it sleeps.
 */
#include "base/state.h"
#include "host/clock.h"
#include "ipc/timerfd.h"
#include "mm/heap.h"

/* deadline in now_mono(), 0: not armed. realtime: absolute times are on the real-time clock. */
struct timer {
	u64 deadline, interval;
	u32 realtime, pad;
};

/* How often the timer has run out by now. */
static u64 expirations(const struct timer *t, u64 now)
{
	if (!t->deadline || now < t->deadline)
		return 0;
	/* The first expiration is the deadline itself, hence the 1. */
	return t->interval ? 1 + (now - t->deadline) / t->interval : 1;
}

/* The count of expirations, which begins again: the deadline moves on by as many periods. */
static i64 timerfd_read(struct file *f, u64 buf, u64 n, i64 off)
{
	struct timer *t = f->obj;
	(void)off;
	u64 k = expirations(t, now_mono());
	/* timerfd_create(2): a read gives an 8-byte integer. */
	if (n < 8)
		return -EINVAL;
	if (!k)
		return -EAGAIN;
	t->deadline = t->interval ? t->deadline + k * t->interval : 0;
	return to_user(buf, &k, 8) ? -EFAULT : 8;
}

/* Readable when it has run out. */
static u32 timerfd_poll(struct file *f) { return expirations(f->obj, now_mono()) ? POLLIN : 0; }

static void timerfd_close(struct file *f) { kfree(f->obj, sizeof(struct timer)); }

static const struct file_ops timerfd_ops = {
	.name = "anon_inode:[timerfd]", .mode = 0600, .read = timerfd_read, .poll = timerfd_poll, .close = timerfd_close
};

static int is_timer_clock(u64 clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
		clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

/* timerfd_create(2). Clocks that count suspended time do so by themselves: the host's does. */
i64 sys_timerfd_create(u64 clock, u64 flags)
{
	if (!is_timer_clock(clock) || flags & ~(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	struct timer *t = kalloc(sizeof *t);
	if (!t)
		return -ENOMEM;
	/* TFD_NONBLOCK and TFD_CLOEXEC have the values of O_NONBLOCK and O_CLOEXEC: <linux/timerfd.h>. */
	t->realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	return fd_new(&timerfd_ops, flags & O_NONBLOCK, t, !!(flags & O_CLOEXEC));
}

/* Without any timer, as in most functions, the files need not be looked through. */
void timerfd_deadlines(u64 *best)
{
	if (!S->timers)
		return;
	for (u32 i = 1; i < MAX_FILES; i++) {
		struct file *f = &S->files[i];
		struct timer *t = f->obj;
		if (f->refs && f->ops == &timerfd_ops && t->deadline && (!*best || t->deadline < *best))
			*best = t->deadline;
	}
}

/* struct itimerspec: interval, and what is left. */
static void remaining(const struct timer *t, i64 out[4])
{
	u64 now = now_mono(), left = t->deadline > now ? t->deadline - now : 0;
	out[0] = t->interval / SEC, out[1] = t->interval % SEC;
	out[2] = left / SEC, out[3] = left % SEC;
}

/* timerfd_gettime(2) */
i64 sys_timerfd_gettime(u64 fd, u64 out)
{
	struct file *f = fd_file(fd);
	i64 v[4];
	if (!f || f->ops != &timerfd_ops)
		return f ? -EINVAL : -EBADF;
	remaining(f->obj, v);
	return to_user(out, v, sizeof v);
}

/* timerfd_settime(2). An absolute time on the real-time clock becomes one on the monotonic clock
 * here, so a clock that is set later does not move it. */
i64 sys_timerfd_settime(u64 fd, u64 flags, u64 in, u64 out)
{
	struct file *f = fd_file(fd);
	struct ts v[2]; /* struct itimerspec: the interval, and the first expiration */
	u64 interval, ns;
	if (!f || f->ops != &timerfd_ops)
		return f ? -EINVAL : -EBADF;
	struct timer *t = f->obj;
	if (from_user(v, in, sizeof v))
		return -EFAULT;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) || time_ns(v[0], &interval) || time_ns(v[1], &ns))
		return -EINVAL;
	/* The old time first: timerfd_settime(2). */
	if (out && sys_timerfd_gettime(fd, out))
		return -EFAULT;
	u64 now = now_mono(), real = now_real();
	t->interval = interval;
	/* Deadlines are on the monotonic clock. A moment that is over lies at its beginning. */
	if (ns && !(flags & TFD_TIMER_ABSTIME))
		ns += now;
	else if (ns && t->realtime)
		ns = now + ns > real ? now + ns - real : 1;
	t->deadline = ns;
	/* From now on the scheduler looks for deadlines of files. */
	S->timers = 1;
	changed();
	return 0;
}
