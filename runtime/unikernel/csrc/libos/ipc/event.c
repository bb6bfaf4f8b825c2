/* event.c: eventfd and timerfd. */
#include "core/state.h"

struct event { u64 count; u32 semaphore, seq; };
struct timer { u64 deadline, interval; u32 realtime, pad; u64 pad2; };

i64 sys_eventfd2(u64 count, u64 flags)
{
	struct event *e = kalloc(32);
	if (!e)
		return -ENOMEM;
	e->count = (u32)count;
	e->semaphore = flags & 1;
	i64 r = fd_new(K_EVENT, O_RDWR | (flags & O_NONBLOCK), e, !!(flags & O_CLOEXEC));
	return r;
}

i64 sys_eventfd(u64 count) { return sys_eventfd2(count, 0); }

i64 event_read(struct file *f, u64 buf, u64 n)
{
	struct event *e = f->obj;
	if (n < 8)
		return -EINVAL;
	if (!e->count)
		return -EAGAIN;
	u64 v = e->semaphore ? 1 : e->count;
	if (to_user(buf, &v, 8))
		return -EFAULT;
	e->count -= v;
	changed();
	return 8;
}

i64 event_write(struct file *f, u64 buf, u64 n)
{
	struct event *e = f->obj;
	u64 v;
	if (n != 8) /* eventfd(2) since Linux 6.6; one that is written over and over as long as a buffer goes takes seconds */
		return -EINVAL;
	if (from_user(&v, buf, 8))
		return -EFAULT;
	if (v == ~0ull)
		return -EINVAL;
	if (e->count + v < v || e->count + v == ~0ull)
		return -EAGAIN;
	e->count += v;
	e->seq++;
	changed();
	return 8;
}

u32 event_poll(struct file *f)
{
	struct event *e = f->obj;
	return (e->count ? POLLIN : 0) | (e->count < ~1ull ? POLLOUT : 0);
}

u32 event_seq(struct file *f) { return ((struct event *)f->obj)->seq; }

/* ---- timerfd ---- */

i64 sys_timerfd_create(u64 clock, u64 flags)
{
	struct timer *t = kalloc(32);
	if (!t)
		return -ENOMEM;
	t->realtime = clock == 0;
	return fd_new(K_TIMER, flags & O_NONBLOCK, t, !!(flags & O_CLOEXEC));
}

static u64 expirations(const struct timer *t, u64 now)
{
	if (!t->deadline || now < t->deadline)
		return 0;
	return t->interval ? 1 + (now - t->deadline) / t->interval : 1;
}

i64 timerfd_read(struct file *f, u64 buf, u64 n)
{
	struct timer *t = f->obj;
	u64 k = expirations(t, now_mono());
	if (n < 8)
		return -EINVAL;
	if (!k)
		return -EAGAIN;
	t->deadline = t->interval ? t->deadline + k * t->interval : 0;
	return to_user(buf, &k, 8) ? -EFAULT : 8;
}

u32 timerfd_poll(struct file *f) { return expirations(f->obj, now_mono()) ? POLLIN : 0; }

void file_deadlines(u64 *best)
{
	if (!S->timers)
		return;
	for (u32 i = 1; i < MAX_FILES; i++) {
		struct file *f = &S->files[i];
		struct timer *t = f->obj;
		if (f->refs && f->kind == K_TIMER && t->deadline && (!*best || t->deadline < *best))
			*best = t->deadline;
	}
}

static void remaining(const struct timer *t, i64 out[4])
{
	u64 now = now_mono(), left = t->deadline > now ? t->deadline - now : 0;
	out[0] = t->interval / 1000000000, out[1] = t->interval % 1000000000;
	out[2] = left / 1000000000, out[3] = left % 1000000000;
}

i64 sys_timerfd_gettime(u64 fd, u64 out)
{
	struct file *f = fd_file(fd);
	i64 v[4];
	if (!f || f->kind != K_TIMER)
		return f ? -EINVAL : -EBADF;
	remaining(f->obj, v);
	return to_user(out, v, sizeof v);
}

i64 sys_timerfd_settime(u64 fd, u64 flags, u64 in, u64 out)
{
	struct file *f = fd_file(fd);
	i64 v[4];
	if (!f || f->kind != K_TIMER)
		return f ? -EINVAL : -EBADF;
	struct timer *t = f->obj;
	if (out && sys_timerfd_gettime(fd, out))
		return -EFAULT;
	if (from_user(v, in, sizeof v))
		return -EFAULT;
	u64 ns = v[2] * 1000000000 + v[3], now = now_mono();
	t->interval = v[0] * 1000000000 + v[1];
	if (ns && flags & 1)
		ns = t->realtime ? now + (i64)(ns - now_real()) : ns;
	else if (ns)
		ns += now;
	t->deadline = ns;
	S->timers = 1;
	changed();
	return 0;
}
