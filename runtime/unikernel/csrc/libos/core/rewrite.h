/* rewrite.h: system calls that do not trap, for exec.c and entry.c. */
#ifndef REWRITE_H
#define REWRITE_H
#include "base/libos.h"

#define SLOTS_SIZE (4 * PAGE) /* bytes of a run */
struct slots {
	u64 at;
	u32 used;
}; /* a run of slots: address, slots in use */
struct site {
	u32 rip, traps;
}; /* low half of the address of a system call instruction, and how often it trapped */

void rewrite_reserve(u64 at); /* slots for a program that lies in LOW */
void rewrite(const u64 *regs); /* the instruction of a call that trapped */
#endif
