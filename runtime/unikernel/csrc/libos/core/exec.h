/*
 * exec.h: the start of the guest's program, for entry.c. The program, its arguments and its
 * environment are in the host block.
 */
#ifndef EXEC_H
#define EXEC_H
#include "base/libos.h"

i64 exec_boot(void); /* 0 or -errno; the frame has the registers of the first instruction */
#endif
