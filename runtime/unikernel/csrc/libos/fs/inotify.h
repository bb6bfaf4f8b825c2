/*
 * inotify.h: an inotify instance, for inotify.c (files and calls) and notify.c (events).
 *
 * The queue is laid out as read(2) gives it: struct inotify_event, and the name filled up with
 * zeros.
 */
#ifndef INOTIFY_H
#define INOTIFY_H
#include "base/state.h"

#define WATCHES_MAX 8192 /* Linux's defaults: /proc/sys/fs/inotify */
#define EVENTS_MAX 16384
#define EVENT_SIZE (sizeof(struct inotify_event) + NAME_SIZE) /* the longest one */

struct watch {
	struct vnode at;
	u32 mask;
	i32 wd;
};

struct notifier {
	struct queue q; /* events as read gives them */
	struct notifier *next;
	struct watch *watches;
	u32 n, cap;
	i32 last_wd;
	u32 seq, events;
	u32 last; /* bytes of the last event in the queue, 0: the queue is empty */
	u32 lost; /* events did not fit: none is taken until the reader has been told, after what is queued */
};

extern const struct notify_ops notify_events;
void notify_peek(const struct notifier *, u32 from, void *to, u32 n); /* bytes of the queue */
void notify_forget(struct notifier *, u32 k); /* watch k ends: IN_IGNORED */
#endif
