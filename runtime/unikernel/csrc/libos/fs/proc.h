/*
 * proc.h: the makers of the texts in /proc and /sys (proc(5)). Each appends its text as it is at
 * the moment of opening.
 */
#ifndef PROC_H
#define PROC_H
#include "base/libos.h"

void proc_maps(struct text *), proc_stat(struct text *), proc_statm(struct text *), proc_status(struct text *),
	proc_cmdline(struct text *), proc_environ(struct text *), proc_auxv(struct text *), proc_comm(struct text *),
	proc_limits(struct text *), proc_cpuinfo(struct text *), proc_meminfo(struct text *), proc_cpustat(struct text *),
	proc_uptime(struct text *), proc_boot_id(struct text *), proc_uuid(struct text *), proc_memory_max(struct text *),
	proc_memory_current(struct text *), proc_cpus(struct text *), proc_mounts(struct text *);
#endif
