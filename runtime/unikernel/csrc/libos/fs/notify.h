/* notify.h: what the file system tells those that watch it. Without an inotify instance an event costs one comparison. */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "core/state.h"

#define IN_ACCESS        0x1u
#define IN_MODIFY        0x2u
#define IN_ATTRIB        0x4u
#define IN_CLOSE_WRITE   0x8u
#define IN_CLOSE_NOWRITE 0x10u
#define IN_OPEN          0x20u
#define IN_MOVED_FROM    0x40u
#define IN_MOVED_TO      0x80u
#define IN_CREATE        0x100u
#define IN_DELETE        0x200u
#define IN_DELETE_SELF   0x400u
#define IN_MOVE_SELF     0x800u
#define IN_ISDIR         0x40000000u

static inline int watched(void) { return S->notifiers != NULL; }

void notify_file(u32 inode, u32 event);      /* to watches of the file, and of the directory that lists it */
void notify_self(u32 inode, u32 event);      /* to watches of the file alone */
void notify_entry(u32 dir, const char *name, u32 event, u32 cookie); /* event: with IN_ISDIR where it has to be */
void notify_gone(u32 inode);                 /* it ends, and its watches with it */
u32 notify_cookie(void);                     /* of a rename: joins its two events */

#endif
