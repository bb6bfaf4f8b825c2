/*
 * inotify.c: inotify instances and their watches (inotify(7)). The events come from notify.c.
 */
#include "fs/inotify.h"
#include "fs/notify.h"
#include "mm/heap.h"

#define INSTANCES_MAX 128 /* Linux's default: /proc/sys/fs/inotify/max_user_instances */

static i64 inotify_read(struct file *f, u64 buf, u64 n, i64 off)
{
	struct notifier *i = f->obj;
	struct inotify_event e;
	u32 take = 0, count = 0;
	(void)off;
	if (!i->q.len && !i->lost)
		return -EAGAIN;
	while (take < i->q.len) {
		notify_peek(i, take, &e, sizeof e);
		if (take + sizeof e + e.len > n)
			break;
		take += sizeof e + e.len;
		count++;
	}
	if (take) {
		i64 r = queue_get_user(&i->q, buf, take, 0);
		if (r < 0)
			return r;
		i->events -= count;
	} else if (i->q.len) {
		return -EINVAL;
	}
	if (!i->q.len) {
		i->last = 0;
		if (i->lost && take + sizeof e <= n) {
			e = (struct inotify_event){ .wd = -1, .mask = IN_Q_OVERFLOW };
			if (to_user(buf + take, &e, sizeof e))
				return take ? (i64)take : -EFAULT;
			i->lost = 0;
			take += sizeof e;
		}
	}
	return take ? (i64)take : -EINVAL;
}

static u64 inotify_readable(struct file *f)
{
	struct notifier *i = f->obj;
	return i->q.len + (i->lost ? sizeof(struct inotify_event) : 0);
}

static u32 inotify_poll(struct file *f) { return inotify_readable(f) ? POLLIN : 0; }
static u32 inotify_edge(struct file *f) { return ((struct notifier *)f->obj)->seq; }

static void inotify_close(struct file *f)
{
	struct notifier *i = f->obj, **at = &S->notifiers;
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	if (!S->notifiers)
		S->notify = NULL;
	kfree(i->watches, i->cap * sizeof *i->watches);
	queue_free(&i->q);
	kfree(i, sizeof *i);
}

static const struct file_ops inotify_ops = { .name = "anon_inode:inotify", .mode = 0600, .read = inotify_read, .poll = inotify_poll,
					     .edge = inotify_edge, .readable = inotify_readable, .close = inotify_close };

i64 sys_inotify_init1(u64 flags)
{
	u32 n = 0;
	if (flags & ~(u64)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	for (struct notifier *i = S->notifiers; i; i = i->next)
		n++;
	if (n >= INSTANCES_MAX)
		return -EMFILE;
	struct notifier *i = kalloc(sizeof *i);
	if (!i)
		return -ENOMEM;
	i64 file = file_new(&inotify_ops, flags & O_NONBLOCK, i);
	if (file < 0) {
		kfree(i, sizeof *i);
		return file;
	}
	i->q.max = EVENTS_MAX * EVENT_SIZE;
	i->next = S->notifiers;
	S->notifiers = i;
	S->notify = &notify_events;
	return fd_install(file, !!(flags & O_CLOEXEC));
}

i64 sys_inotify_init(void) { return sys_inotify_init1(0); }

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

static i64 watch(struct notifier *i, struct vnode v, u32 mask)
{
	u32 keep = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
	for (u32 k = 0; k < i->n; k++) {
		struct watch *w = &i->watches[k];
		if (w->at.fs != v.fs || w->at.id != v.id)
			continue;
		if (mask & IN_MASK_CREATE)
			return -EEXIST;
		w->mask = mask & IN_MASK_ADD ? w->mask | keep : keep;
		return w->wd;
	}
	if (i->n >= WATCHES_MAX)
		return -ENOSPC;
	struct watch *w = new_watch(i);
	if (!w)
		return -ENOMEM;
	*w = (struct watch){ v, keep, ++i->last_wd };
	return w->wd;
}

static i64 notifier_of(u64 fd, struct notifier **i)
{
	struct file *f = fd_file(fd);
	if (!f)
		return -EBADF;
	*i = f->obj;
	return f->ops == &inotify_ops ? 0 : -EINVAL;
}

i64 sys_inotify_add_watch(u64 fd, u64 p, u64 flags)
{
	struct notifier *i;
	struct vnode v;
	u32 mask = flags, known = IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR |
		   IN_ONESHOT;
	if (!(mask & (known | IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT)) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
		return -EINVAL;
	PATH(p, path);
	i64 r = notifier_of(fd, &i);
	r = r ? r : walk(AT_FDCWD, path, !(mask & IN_DONT_FOLLOW), &v);
	if (r)
		return r;
	if (mask & IN_ONLYDIR && !vnode_is(v, S_IFDIR))
		return -ENOTDIR;
	return watch(i, v, mask);
}

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
