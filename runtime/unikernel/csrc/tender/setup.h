/* setup.h: the root's world: nothing to see, nothing to open, no privilege, the address space of a
 * UC, the filter. */
#ifndef SETUP_H
#define SETUP_H

#include "tender.h"

/* NULL, or the step that failed, and then *err. auxv: the process's auxiliary vector, on the stack
 * that execve made. That stack is unmapped. */
const char *setup_world(const u64 *auxv, struct tc_machine *machine, i64 *err);
#endif
