/*
 * inotify.c: inotify instances and their watches (inotify(7)). The events come from notify.c.
 *
 * An instance is a queue of events, laid out as read gives them, and an array of watches. A watch
 * names a vnode; so it goes on watching a file that is renamed, and ends with the inode. The first
 * instance of a UC sets the table by which the file system tells of events (notify.h), and the last
 * one takes it away.
 */
#include "fs/inotify.h"
#include "fs/notify.h"
#include "mm/heap.h"

#define INSTANCES_MAX 128 /* Linux's default: /proc/sys/fs/inotify/max_user_instances */

/* read(2) of whole events: as many as fit. A buffer too small for the first one is an error, as on
 * Linux. The sign that events were lost comes last, when the queue is empty. */
static i64 inotify_read(struct file *f, u64 buf, u64 n, i64 off)
{
	struct notifier *i = f->obj;
	struct inotify_event e;
	u32 take = 0, count = 0;
	(void)off;
	/* Nothing to tell yet. */
	if (!i->q.len && !i->lost)
		return -EAGAIN;
	/* Whole events only: the length of each is in its head. */
	while (take < i->q.len) {
		notify_peek(i, take, &e, sizeof e);
		if (take + sizeof e + e.len > n)
			break;
		take += sizeof e + e.len;
		count++;
	}
	if (take) {
		/* All of them in one copy: a fault takes none out of the queue. */
		i64 r = queue_get_user(&i->q, buf, take, 0);
		if (r < 0)
			return r;
		i->events -= count;
		/* The buffer is smaller than the first event. */
	} else if (i->q.len) {
		return -EINVAL;
	}
	if (!i->q.len) {
		/* No event to compare the next one with. */
		i->last = 0;
		if (i->lost && take + sizeof e <= n) {
			e = (struct inotify_event){ .wd = -1, .mask = IN_Q_OVERFLOW }; /* inotify(7): of no watch */
			if (to_user(buf + take, &e, sizeof e))
				return take ? (i64)take : -EFAULT;
			i->lost = 0;
			take += sizeof e;
		}
	}
	return take ? (i64)take : -EINVAL;
}

/* Bytes that a read would give. */
static u64 inotify_readable(struct file *f)
{
	struct notifier *i = f->obj;
	return i->q.len + (i->lost ? sizeof(struct inotify_event) : 0);
}

static u32 inotify_poll(struct file *f) { return inotify_readable(f) ? POLLIN : 0; }
static u32 inotify_edge(struct file *f) { return ((struct notifier *)f->obj)->seq; }

/* The last instance takes the table of events with it: the file system tells nobody any more. */
static void inotify_close(struct file *f)
{
	struct notifier *i = f->obj, **at = &S->notifiers;
	/* Every instance is in the list. */
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	if (!S->notifiers)
		S->notify = NULL;
	kfree(i->watches, i->cap * sizeof *i->watches);
	queue_free(&i->q);
	kfree(i, sizeof *i);
}

static const struct file_ops inotify_ops = { .name = "anon_inode:inotify",
	.mode = 0600,
	.read = inotify_read,
	.poll = inotify_poll,
	.edge = inotify_edge,
	.readable = inotify_readable,
	.close = inotify_close };

/* inotify_init(2). */
i64 sys_inotify_init1(u64 flags)
{
	u32 n = 0;
	/* IN_CLOEXEC and IN_NONBLOCK have these values: <linux/inotify.h>. */
	if (flags & ~(u64)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	for (struct notifier *i = S->notifiers; i; i = i->next)
		n++;
	if (n >= INSTANCES_MAX)
		return -EMFILE; /* inotify_init(2), max_user_instances */
	struct notifier *i = kalloc(sizeof *i);
	if (!i)
		return -ENOMEM;
	i64 file = file_new(&inotify_ops, flags & O_NONBLOCK, i);
	if (file < 0) {
		kfree(i, sizeof *i);
		return file;
	}
	/* The number of events is what bounds the queue: inotify(7), max_queued_events. */
	i->q.max = EVENTS_MAX * EVENT_SIZE;
	i->next = S->notifiers;
	S->notifiers = i;
	S->notify = &notify_events;
	return fd_install(file, !!(flags & O_CLOEXEC));
}

i64 sys_inotify_init(void) { return sys_inotify_init1(0); }

/* The array grows by doubling; watches are few, and are searched from the front. */
static struct watch *new_watch(struct notifier *i)
{
	if (i->n == i->cap) {
		u32 cap = i->cap ? i->cap * 2 : 16;
		struct watch *w = kalloc(cap * sizeof *w);
		if (!w)
			return NULL;
		memcpy(w, i->watches, i->n * sizeof *w);
		kfree(i->watches, i->cap * sizeof *w);
		i->watches = w, i->cap = cap;
	}
	return &i->watches[i->n++];
}

/* A vnode is watched once by an instance: a second call changes the watch's mask, or adds to it
 * (IN_MASK_ADD). Its descriptor stays. */
static i64 watch(struct notifier *i, struct vnode v, u32 mask)
{
	/* Bits that say how to find the file are not kept. */
	u32 keep = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
	for (u32 k = 0; k < i->n; k++) {
		struct watch *w = &i->watches[k];
		if (w->at.fs != v.fs || w->at.id != v.id)
			continue;
		/* The caller wants to know that it is the first. */
		if (mask & IN_MASK_CREATE)
			return -EEXIST;
		w->mask = mask & IN_MASK_ADD ? w->mask | keep : keep;
		return w->wd;
	}
	/* inotify(7), max_user_watches. */
	if (i->n >= WATCHES_MAX)
		return -ENOSPC;
	struct watch *w = new_watch(i);
	if (!w)
		return -ENOMEM;
	/* A number is never used again in an instance: an event that is still queued names its own watch. */
	*w = (struct watch){ v, keep, ++i->last_wd };
	return w->wd;
}

/* 0, or the errno for a descriptor that is no instance. */
static i64 notifier_of(u64 fd, struct notifier **i)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	*i = f->obj;
	return f->ops == &inotify_ops ? 0 : -EINVAL;
}

/* inotify_add_watch(2). The mask must ask for something: bits that only events have are no
 * question. */
i64 sys_inotify_add_watch(u64 fd, u64 p, u64 flags)
{
	struct notifier *i;
	struct vnode v;
	u32 mask = flags,
		known = IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR |
		IN_ONESHOT;
	if (!(mask & (known | IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT)) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
		return -EINVAL;
	PATH(p, path);
	i64 r = notifier_of(fd, &i);
	/* A symbolic link is followed unless IN_DONT_FOLLOW says otherwise. */
	r = r ? r : walk(AT_FDCWD, path, !(mask & IN_DONT_FOLLOW), &v);
	if (r)
		return r;
	if (mask & IN_ONLYDIR && !vnode_is(v, S_IFDIR))
		return -ENOTDIR;
	return watch(i, v, mask);
}

/* inotify_rm_watch(2): a last event tells that the watch is gone. */
i64 sys_inotify_rm_watch(u64 fd, u64 wd)
{
	struct notifier *i;
	i64 r = notifier_of(fd, &i);
	if (r)
		return r;
	for (u32 k = 0; k < i->n; k++)
		if (i->watches[k].wd == (i32)wd) {
			notify_forget(i, k);
			return 0;
		}
	return -EINVAL;
}
