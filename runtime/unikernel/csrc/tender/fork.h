/* fork.h: see fork.S. fresh_data is for a process whose data are still its parent's, switch_stack
 * for one that leaves its stack for good. */
#ifndef FORK_H
#define FORK_H

#include "sys.h"

void fresh_data(void);
i64 fork_spare(int channel, u64 stack, void (*entry)(int, int), int zygote);
_Noreturn void switch_stack(void (*to)(u64), u64 argument);
#endif
