/*
 * notify.c: events of inotify(7): which watch hears of what, and the queue of an instance.
 *
 * An event is told to the watches of the file itself, without a name, and to those of the directory
 * that lists it, with the name. An inode knows the directory in which it was last given a name
 * (inode.parent). A file with several names is reported under each name that a watched directory
 * has for it: an open file does not remember by which name it was opened.
 *
 * Files of the image and of /proc can be watched; neither changes, so no event of theirs ever
 * comes. Every search goes through all instances and watches: a program has a few, and without any
 * nothing gets here.
 */
#include "fs/inotify.h"
#include "fs/notify.h"

/* n bytes from position from on, without taking them. */
void notify_peek(const struct notifier *i, u32 from, void *to, u32 n)
{
	const struct queue *q = &i->q;
	for (u32 k = 0; k < n; k++)
		/* A queue's capacity is a power of two, so the mask wraps the position. */
		((u8 *)to)[k] = q->p[(q->head + from + k) & (q->cap - 1)];
}

/* As Linux does, an event that repeats the one before it is left out. */
static int repeats(const struct notifier *i, const void *event, u32 n)
{
	u8 last[EVENT_SIZE];
	/* IN_IGNORED is never left out: it ends a watch. */
	if (i->last != n || ((const struct inotify_event *)event)->mask & IN_IGNORED)
		return 0;
	notify_peek(i, i->q.len - n, last, n);
	return !memcmp(last, event, n);
}

/* A queue that is full loses all that follows until the reader has been told; so the order of what
 * is read is true. */
static void enqueue(struct notifier *i, i32 wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct {
		struct inotify_event e;
		char name[NAME_SIZE];
	} e = { .e = { .wd = wd, .mask = mask, .cookie = cookie } };
	if (name) {
		memcpy(e.name, name, len);
		/* With a zero behind the name, and filled up to a multiple of the event's size, as
		 * inotify(7) lays it out. */
		e.e.len = (len + sizeof(struct inotify_event)) &
			~(sizeof(struct inotify_event) - 1); /* with a zero behind the name */
	}
	u32 n = sizeof e.e + e.e.len;
	if (i->lost || repeats(i, &e, n))
		return;
	i->seq++;
	changed();
	/* Also without memory: the reader is told by IN_Q_OVERFLOW. */
	if (i->events >= EVENTS_MAX || queue_put(&i->q, &e, n) != n) {
		i->lost = 1;
		return;
	}
	i->events++;
	i->last = n;
}

/* The last watch takes the place of the one that goes: order means nothing. */
void notify_forget(struct notifier *i, u32 k)
{
	i32 wd = i->watches[k].wd;
	i->watches[k] = i->watches[--i->n];
	enqueue(i, wd, IN_IGNORED, 0, NULL, 0);
}

static int is_dir(u32 inode) { return (S->inodes[inode].mode & S_IFMT) == S_IFDIR; }

/* 1: the watch was for one event, and is gone. */
static int tell(struct notifier *i, u32 k, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct watch *w = &i->watches[k];
	if (!(w->mask & mask & IN_ALL_EVENTS))
		return 0;
	enqueue(i, w->wd, mask, cookie, name, len);
	if (!(w->mask & IN_ONESHOT))
		return 0;
	notify_forget(i, k);
	return 1;
}

/* Backwards: a watch for one event ends, and the last one comes into its place. */
static void self(u32 inode, u32 event)
{
	/* Linux's inotify_handle_inode_event leaves IN_ISDIR out of the same two events. */
	u32 mask = event | (is_dir(inode) && !(event & (IN_MOVE_SELF | IN_DELETE_SELF)) ? IN_ISDIR : 0);
	for (struct notifier *i = S->notifiers; i; i = i->next)
		for (u32 k = i->n; k--;)
			if (i->watches[k].at.fs == FS_TMP && i->watches[k].at.id == inode)
				tell(i, k, mask, 0, NULL, 0);
}

/* To those who watch the directory that lists the name. */
static void entry(u32 dir, const char *name, u32 event, u32 cookie)
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
	while (tmp_fs.entry(dir, &pos, &name, &len, &id, &type))
		/* The search ends with the watch, or where the file has no second name. */
		if (id == inode && (tell(i, k, mask, 0, name, len) || S->inodes[inode].nlink == 1 || is_dir(inode)))
			return;
}

/* To those who watch the file, and to those who watch a directory that lists it. */
static void file(u32 inode, u32 event)
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
	self(inode, event);
}

/* An inode's number is used again; a watch must not be. */
static void gone(u32 inode)
{
	self(inode, IN_DELETE_SELF);
	for (struct notifier *i = S->notifiers; i; i = i->next)
		for (u32 k = i->n; k--;)
			if (i->watches[k].at.fs == FS_TMP && i->watches[k].at.id == inode)
				notify_forget(i, k);
}

const struct notify_ops notify_events = { .file = file, .self = self, .entry = entry, .gone = gone };
