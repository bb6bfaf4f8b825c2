/*
 * pipe.h: named pipes, for open.c: an inode of S_IFIFO is opened here instead of as a file; and both
 * ends of any pipe, for splice.c.
 */
#ifndef PIPE_H
#define PIPE_H
#include "base/libos.h"

i64 fifo_open(u32 inode, u32 flags); /* file index or -errno */

struct file;
i64 pipe_look(struct file *f, u64 dst, u64 n); /* copies bytes, which stay; 0: the end, -EAGAIN: none yet */
void pipe_drop(struct file *f, u64 n); /* bytes that pipe_look copied */
i64 pipe_room(struct file *f, u64 n); /* bytes of n that a write takes for sure, or the error of the write */
#endif
