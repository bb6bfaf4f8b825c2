/*
 * pipe.h: named pipes, for open.c: an inode of S_IFIFO is opened here instead of as a file.
 */
#ifndef PIPE_H
#define PIPE_H
#include "base/libos.h"

i64 fifo_open(u32 inode, u32 flags); /* file index or -errno */
#endif
