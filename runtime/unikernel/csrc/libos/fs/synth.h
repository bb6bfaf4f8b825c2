/*
 * synth.h: /dev, /proc and /sys, for path look-ups (synth_fs) and for open.c. The trees have no
 * content that a snapshot would have to keep.
 */
#ifndef SYNTH_H
#define SYNTH_H
#include "fs/path.h"

extern const struct fs_ops synth_fs;
u32 synth_root(const char *path); /* the number of what lies there: "dev", "proc/self" */
i64 synth_open(u32 id, u32 flags); /* file index or -errno */
#endif
