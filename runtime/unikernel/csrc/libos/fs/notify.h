/*
 * notify.h: what the file system tells those that watch it.
 *
 * The file system lies below inotify, so it calls up through a table. The first inotify instance
 * sets the table and the last one takes it away: without an instance an event costs one comparison.
 */
#ifndef NOTIFY_H
#define NOTIFY_H
#include "base/state.h"

struct notify_ops {
	void (*file)(u32 inode, u32 event); /* to watches of the file, and of the directory that lists it */
	void (*self)(u32 inode, u32 event); /* to watches of the file alone */
	void (*entry)(u32 dir, const char *name, u32 event, u32 cookie); /* event: with IN_ISDIR where it has to be */
	void (*gone)(u32 inode); /* it ends, and its watches with it */
};

static inline void notify_file(u32 inode, u32 event)
{
	if (S->notify)
		S->notify->file(inode, event);
}

static inline void notify_self(u32 inode, u32 event)
{
	if (S->notify)
		S->notify->self(inode, event);
}

static inline void notify_entry(u32 dir, const char *name, u32 event, u32 cookie)
{
	if (S->notify)
		S->notify->entry(dir, name, event, cookie);
}

static inline void notify_gone(u32 inode)
{
	if (S->notify)
		S->notify->gone(inode);
}
#endif
