/*
 * epoll.c: epoll(7).
 *
 * An instance is an array of items. No file knows who watches it: a wait asks every file for its
 * state, and a thread that waits is tried again whenever something changed (schedule.c). With one
 * host thread that costs less than lists of waiters, and leaves nothing behind in a file that is
 * closed.
 *
 * Level-triggered items are told whenever the file is ready. An edge-triggered item is told when
 * the file's count (file_edge) has moved since the item was last told of, or when a bit is set that
 * was not told. A one-shot item is told once, and then watches nothing until it is changed.
 */
#include "base/state.h"
#include "host/clock.h"
#include "channel/inbox.h"
#include "ipc/poll.h"
#include "mm/heap.h"

#define NOT_EVENTS (EPOLLET | EPOLLONESHOT) /* bits of events that say how, not what */
#define POLL_MASK 0xffffu /* bits of events that are a poll's */
#define ITEMS_FIRST 16 /* room for so many items at first; then it doubles */
#define ROW_MAX 5 /* instances of which each watches the next: epoll_ctl(2), ELOOP */

/* file and serial name the open file, which may live on under another descriptor when fd is closed. */
struct item {
	/* seen is the file's count (file_edge) and seen_bits are the bits when the item was last told of. */
	u32 fd, file, serial, events, seen, seen_bits;
	u64 data;
};
/* cap doubles; next is where the next wait begins to look. */
struct epoll {
	struct item *items;
	u32 n, cap;
	u32 next, pad;
};

static const struct file_ops epoll_ops;

/* The file is closed: its slot is free, or holds a later file with another serial. */
static int gone(const struct item *i) { return !S->files[i->file].refs || S->files[i->file].serial != i->serial; }

/* The bits that a wait would tell of the item now. */
static u32 item_ready(struct item *it)
{
	if (gone(it) || !(it->events & ~NOT_EVENTS))
		return 0;
	struct file *f = &S->files[it->file];
	u32 bits = file_poll(f) & (it->events | POLL_ALWAYS) & POLL_MASK;
	/* An edge is new data, or a bit that was not set before. */
	if (bits && it->events & EPOLLET) {
		u32 edge = file_edge(f);
		if (edge == it->seen && !(bits & ~it->seen_bits))
			return 0;
	}
	return bits;
}

/* An instance that is watched itself is readable when a wait would tell of something. */
static u32 epoll_poll(struct file *f)
{
	struct epoll *e = f->obj;
	for (u32 i = 0; i < e->n; i++)
		if (item_ready(&e->items[i]))
			return POLLIN;
	return 0;
}

/* The files that are watched have no knowledge of the instance. */
static void epoll_close(struct file *f)
{
	struct epoll *e = f->obj;
	kfree(e->items, e->cap * sizeof(struct item));
	kfree(e, sizeof *e);
}

static const struct file_ops epoll_ops = {
	.name = "anon_inode:[eventpoll]", .mode = 0600, .poll = epoll_poll, .close = epoll_close
};

/* epoll_create1(2) */
i64 sys_epoll_create1(u64 flags)
{
	struct epoll *e = kalloc(sizeof *e);
	if (!e)
		return -ENOMEM;
	return fd_new(&epoll_ops, O_RDWR, e, !!(flags & O_CLOEXEC));
}

/* epoll_create(2): the size must be positive, and means nothing since Linux 2.6.8. */
i64 sys_epoll_create(u64 n) { return (i32)n > 0 ? sys_epoll_create1(0) : -EINVAL; }

/* The item of a descriptor, NULL: none. Items whose file is gone are dropped on the way: this is
 * where Linux would not have them either. */
static struct item *find(struct epoll *e, u32 fd, u32 file)
{
	struct item *it = NULL;
	for (u32 i = 0; i < e->n;) {
		if (gone(&e->items[i])) {
			/* The last item takes the place: the order of items means nothing. */
			e->items[i] = e->items[--e->n];
			continue;
		}
		/* epoll(7), Questions and answers: the number and the open file together are the key of an item. */
		if (e->items[i].fd == fd && e->items[i].file == file)
			it = &e->items[i];
		i++;
	}
	return it;
}

/* The item is copied: the array may move. */
static i64 add(struct epoll *e, const struct item *it)
{
	if (e->n == e->cap) {
		u32 cap = e->cap ? e->cap * 2 : ITEMS_FIRST;
		struct item *items = kalloc(cap * sizeof *items);
		if (!items)
			return -ENOMEM;
		memcpy(items, e->items, e->n * sizeof *items);
		kfree(e->items, e->cap * sizeof *items);
		e->items = items, e->cap = cap;
	}
	e->items[e->n++] = *it;
	return 0;
}

/* Does a row of more than most instances begin with e? */
static int row_longer(const struct epoll *e, int most)
{
	for (u32 i = 0; most && i < e->n; i++) {
		const struct file *f = &S->files[e->items[i].file];
		if (!gone(&e->items[i]) && f->ops == &epoll_ops && row_longer(f->obj, most - 1))
			return 1;
	}
	return !most;
}

/* epoll_poll looks through a row by recursion, so a row is short and no circle: as on Linux, the item
 * that would make it longer is refused. */
static i64 add_instance(struct epoll *e, const struct item *it)
{
	i64 r = add(e, it);
	for (u32 i = 1; !r && i < MAX_FILES; i++)
		if (S->files[i].refs && S->files[i].ops == &epoll_ops && row_longer(S->files[i].obj, ROW_MAX))
			e->n--, r = -ELOOP;
	return r;
}

/* epoll_ctl(2). The new mask of an item makes what is there news again. */
i64 sys_epoll_ctl(u64 ep, u64 op, u64 fd, u64 event)
{
	struct file *f = fd_file(ep);
	i64 file = fd_index(fd);
	struct epoll_event ev = { 0, 0 };
	if (!f || file < 0)
		return -EBADF;
	/* epoll_ctl(2): EINVAL also for an instance that is to watch itself, by whatever number. */
	if (f->ops != &epoll_ops || f == &S->files[file])
		return -EINVAL;
	if (!S->files[file].ops->poll)
		return -EPERM; /* a file that is always ready: epoll_ctl(2) */
	if (op != EPOLL_CTL_DEL && from_user(&ev, event, sizeof ev))
		return -EFAULT;
	struct epoll *e = f->obj;
	struct item *it = find(e, fd, file);
	changed(); /* another thread may be waiting on this very instance */
	switch (op) {
	case EPOLL_CTL_ADD: {
		const struct item new = { fd, file, S->files[file].serial, ev.events, 0, 0, ev.data };
		return it ? -EEXIST : S->files[file].ops == &epoll_ops ? add_instance(e, &new) : add(e, &new);
	}
	case EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		*it = e->items[--e->n];
		return 0;
	case EPOLL_CTL_MOD:
		if (!it)
			return -ENOENT;
		/* epoll_ctl(2): a one-shot item watches again. */
		it->events = ev.events, it->data = ev.data, it->seen_bits = 0;
		return 0;
	default: return -EINVAL;
	}
}

/* Tells up to max items. An item counts as told only when the guest has it: a fault loses no edge.
 * Begins where the last call ended, so that all items have their turn. */
static i64 collect(struct epoll *e, u64 out, u64 max)
{
	u64 n = 0;
	for (u32 k = 0; k < e->n && n < max; k++) {
		struct item *it = &e->items[(e->next + k) % e->n];
		u32 bits = item_ready(it);
		if (!bits)
			continue;
		struct epoll_event ev = { bits, it->data };
		if (to_user(out + n * sizeof ev, &ev, sizeof ev))
			return n ? (i64)n : -EFAULT;
		n++;
		it->seen = file_edge(&S->files[it->file]), it->seen_bits = bits;
		if (it->events & EPOLLONESHOT)
			it->events &= NOT_EVENTS; /* epoll_ctl(2), EPOLLONESHOT: disabled until EPOLL_CTL_MOD */
	}
	if (n == max && e->n)
		e->next = (e->next + n) % e->n; /* so that a busy file does not hide others */
	return n;
}

static i64 epoll(u64 ep, u64 out, u64 max, u64 ns, const struct wait_mask *mask)
{
	struct file *f = fd_file(ep);
	if (!f)
		return -EBADF;
	/* epoll_wait(2): maxevents is an int above 0. */
	if (f->ops != &epoll_ops || (i32)max <= 0)
		return -EINVAL;
	i64 n = collect(f->obj, out, max);
	if (!n && !ns) {
		host_receive(); /* a loop that only looks must see what came, though it never sleeps */
		n = collect(f->obj, out, max);
	}
	if (n || !ns)
		return n;
	if (mask->given)
		signal_wait_under(mask->set);
	i64 r = block(ns);
	return r == -ETIMEDOUT ? 0 : r;
}

i64 sys_epoll_wait(u64 ep, u64 out, u64 max, u64 t)
{
	const struct wait_mask none = { 0 };
	return epoll(ep, out, max, poll_ms(t), &none);
}

i64 sys_epoll_pwait(u64 ep, u64 out, u64 max, u64 t, u64 mask, u64 size)
{
	struct wait_mask m;
	i64 r = signal_wait_mask(mask, size, &m);
	return r ? r : epoll(ep, out, max, poll_ms(t), &m);
}

/* The time-out is a timespec instead of milliseconds. */
i64 sys_epoll_pwait2(u64 ep, u64 out, u64 max, u64 t, u64 mask, u64 size)
{
	struct wait_mask m;
	u64 ns = FOREVER;
	i64 r = t ? user_time(t, &ns) : 0;
	if (!r)
		r = signal_wait_mask(mask, size, &m);
	return r ? r : epoll(ep, out, max, ns, &m);
}
