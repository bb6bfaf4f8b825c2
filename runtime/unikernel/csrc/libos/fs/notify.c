/*
 * notify.c: inotify(7) for tmpfs.
 *
 * An instance has an array of watches and a queue of events, laid out as read gives them. Files of the image and of /proc can be
 * watched; neither changes, so no event of theirs ever comes. A file knows the directory in which it was last given a name
 * (inode.parent). A file with several names is reported under each name that a watched directory has for it: an open file
 * does not remember by which name it was opened.
 */
#include "fs/names.h"
#include "fs/notify.h"

#define IN_ALL        0xfffu
#define IN_Q_OVERFLOW 0x4000u
#define IN_IGNORED    0x8000u
#define IN_ONLYDIR    0x01000000u
#define IN_DONT_FOLLOW 0x02000000u
#define IN_EXCL_UNLINK 0x04000000u
#define IN_MASK_CREATE 0x10000000u
#define IN_MASK_ADD   0x20000000u
#define IN_ONESHOT    0x80000000u

/* Linux's defaults: /proc/sys/fs/inotify. */
#define INSTANCES_MAX 128
#define WATCHES_MAX   8192
#define EVENTS_MAX    16384

struct watch { struct vnode at; u32 mask; i32 wd; };
struct event { i32 wd; u32 mask, cookie, len; };

struct notifier {
	struct queue q;
	struct notifier *next;
	struct watch *watches;
	u32 n, cap;
	i32 last_wd;
	u32 seq, events;
	u32 last;       /* bytes of the last event in the queue, 0: the queue is empty */
	u32 lost;       /* events did not fit: none is taken until the reader has been told, after what is queued */
};

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
	i64 file = file_new(K_INOTIFY, flags & O_NONBLOCK, i);
	if (file < 0) {
		kfree(i, sizeof *i);
		return file;
	}
	i->q.max = EVENTS_MAX * (sizeof(struct event) + 256);
	i->next = S->notifiers;
	S->notifiers = i;
	return fd_install(file, !!(flags & O_CLOEXEC));
}

i64 sys_inotify_init(void) { return sys_inotify_init1(0); }

void notify_close(struct file *f)
{
	struct notifier *i = f->obj, **at = &S->notifiers;
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	kfree(i->watches, i->cap * sizeof *i->watches);
	queue_free(&i->q);
	kfree(i, sizeof *i);
}

/* ---- The queue ---- */

static void bytes_at(const struct queue *q, u32 from, void *to, u32 n)
{
	for (u32 k = 0; k < n; k++)
		((u8 *)to)[k] = q->p[(q->head + from + k) & (q->cap - 1)];
}

/* As Linux does, an event that repeats the one before it is left out. */
static int repeats(const struct notifier *i, const void *event, u32 n)
{
	u8 last[sizeof(struct event) + 256];
	if (i->last != n || ((const struct event *)event)->mask & IN_IGNORED)
		return 0;
	bytes_at(&i->q, i->q.len - n, last, n);
	return !memcmp(last, event, n);
}

static void enqueue(struct notifier *i, i32 wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct { struct event e; char name[256]; } e = { .e = { wd, mask, cookie, 0 } };
	if (name) {
		memcpy(e.name, name, len);
		e.e.len = (len + sizeof(struct event)) & ~(sizeof(struct event) - 1); /* with a zero behind the name */
	}
	u32 n = sizeof e.e + e.e.len;
	if (i->lost || repeats(i, &e, n))
		return;
	i->seq++;
	changed();
	if (i->events >= EVENTS_MAX || queue_put(&i->q, &e, n) != n) {
		i->lost = 1;
		return;
	}
	i->events++;
	i->last = n;
}

i64 notify_read(struct file *f, u64 buf, u64 n)
{
	struct notifier *i = f->obj;
	struct event e = { -1, IN_Q_OVERFLOW, 0, 0 };
	u32 take = 0, count = 0;
	if (!i->q.len && !i->lost)
		return -EAGAIN;
	while (take < i->q.len) {
		bytes_at(&i->q, take, &e, sizeof e);
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
			e = (struct event){ -1, IN_Q_OVERFLOW, 0, 0 };
			if (to_user(buf + take, &e, sizeof e))
				return take ? (i64)take : -EFAULT;
			i->lost = 0;
			take += sizeof e;
		}
	}
	return take ? (i64)take : -EINVAL;
}

u32 notify_poll(struct file *f) { return notify_readable(f) ? POLLIN : 0; }
u32 notify_seq(struct file *f) { return ((struct notifier *)f->obj)->seq; }

u32 notify_readable(struct file *f)
{
	struct notifier *i = f->obj;
	return i->q.len + (i->lost ? sizeof(struct event) : 0);
}

/* ---- Watches ---- */

static void forget(struct notifier *i, u32 k)
{
	i32 wd = i->watches[k].wd;
	i->watches[k] = i->watches[--i->n];
	enqueue(i, wd, IN_IGNORED, 0, NULL, 0);
}

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
	u32 keep = mask & (IN_ALL | IN_ONESHOT | IN_EXCL_UNLINK);
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
	return f->kind == K_INOTIFY ? 0 : -EINVAL;
}

i64 sys_inotify_add_watch(u64 fd, u64 p, u64 flags)
{
	struct notifier *i;
	struct vnode v;
	u32 mask = flags, known = IN_ALL | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR |
		   IN_ONESHOT;
	if (!(mask & (known | IN_Q_OVERFLOW | IN_IGNORED | 0x2000)) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
		return -EINVAL;
	PATH(p, path);
	i64 r = notifier_of(fd, &i);
	r = r ? r : walk(AT_FDCWD, path, !(mask & IN_DONT_FOLLOW), &v);
	if (r)
		return r;
	if (mask & IN_ONLYDIR && (vnode_mode(v) & S_IFMT) != S_IFDIR)
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
			forget(i, k);
			return 0;
		}
	return -EINVAL;
}

/* ---- Events ---- */

u32 notify_cookie(void) { return ++S->notify_cookie ? S->notify_cookie : ++S->notify_cookie; }

static int is_dir(u32 inode) { return (S->inodes[inode].mode & S_IFMT) == S_IFDIR; }

/* 1: the watch was for one event, and is gone. */
static int tell(struct notifier *i, u32 k, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct watch *w = &i->watches[k];
	if (!(w->mask & mask & IN_ALL))
		return 0;
	enqueue(i, w->wd, mask, cookie, name, len);
	if (!(w->mask & IN_ONESHOT))
		return 0;
	forget(i, k);
	return 1;
}

void notify_self(u32 inode, u32 event)
{
	u32 mask = event | (is_dir(inode) && !(event & (IN_MOVE_SELF | IN_DELETE_SELF)) ? IN_ISDIR : 0);
	for (struct notifier *i = S->notifiers; i; i = i->next)
		for (u32 k = i->n; k--;)
			if (i->watches[k].at.fs == FS_TMP && i->watches[k].at.id == inode)
				tell(i, k, mask, 0, NULL, 0);
}

void notify_entry(u32 dir, const char *name, u32 event, u32 cookie)
{
	for (struct notifier *i = S->notifiers; i; i = i->next)
		for (u32 k = i->n; k--;)
			if (i->watches[k].at.fs == FS_TMP && i->watches[k].at.id == dir)
				tell(i, k, event, cookie, name, strlen(name));
}

/* Tells a watch of a directory about each name that this directory has for the file. */
static void tell_names(struct notifier *i, u32 k, u32 inode, u32 mask)
{
	u32 dir = i->watches[k].at.id, len, id;
	u64 pos = 0;
	const char *name;
	u8 type;
	while (tmp_entry(dir, &pos, &name, &len, &id, &type))
		if (id == inode && (tell(i, k, mask, 0, name, len) || S->inodes[inode].nlink == 1 || is_dir(inode)))
			return;
}

void notify_file(u32 inode, u32 event)
{
	struct inode *n = &S->inodes[inode];
	u32 mask = event | (is_dir(inode) ? IN_ISDIR : 0);
	for (struct notifier *i = S->notifiers; i; i = i->next)
		for (u32 k = i->n; k--;) {
			struct watch *w = &i->watches[k];
			if (w->at.fs != FS_TMP || w->at.id == inode || !(w->mask & event) || !is_dir(w->at.id))
				continue;
			if (n->nlink && (w->at.id == n->parent || (!is_dir(inode) && (n->nlink > 1 || !n->parent))))
				tell_names(i, k, inode, mask);
		}
	notify_self(inode, event);
}

void notify_gone(u32 inode)
{
	notify_self(inode, IN_DELETE_SELF);
	for (struct notifier *i = S->notifiers; i; i = i->next)
		for (u32 k = i->n; k--;)
			if (i->watches[k].at.fs == FS_TMP && i->watches[k].at.id == inode)
				forget(i, k);
}
