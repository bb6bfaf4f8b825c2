/*
 * mounts.h: the tree of files at the start of a program, for exec.c. The mounts are part of the
 * state, and so of every snapshot.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

void mounts_init(void);
#endif
