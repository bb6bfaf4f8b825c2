/*
 * capability.h: the one capability that a process of the tender may keep (capabilities(7)).
 *
 * A zygote reads and writes the memory of its children. Yama's scope 2 permits that only to holders
 * of CAP_SYS_PTRACE over the child (yama_ptrace_access_check of the kernel). There, and nowhere
 * else, zygotes keep this capability, over the tender's own user namespace. A spare gives the
 * capability up before it becomes a UC.
 */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include "sys.h"

u32 needed_capabilities(void); /* a set; asked by the root, which sees the host's /proc */
i64 set_capabilities(u32 set); /* effective and permitted; 0 or -errno */
void note_capabilities(void); /* a new zygote notes which it has */
void drop_capabilities(void); /* a spare gives them up for good, by one call where there are any */
#endif
