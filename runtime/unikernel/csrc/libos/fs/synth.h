/* synth.h: /dev, /proc and /sys: a fixed tree, with texts made when a file is opened. */
#ifndef SYNTH_H
#define SYNTH_H
#include "core/state.h"
u32 synth_root(const char *name);
u32 synth_mode(u32 id);
u32 synth_parent(u32 id);
i64 synth_lookup(u32 dir, const char *name, u64 len, u32 *out);
int synth_entry(u32 dir, u64 *pos, const char **name, u32 *len, u32 *inode, u8 *type);
int synth_find(u32 id, u32 *parent, const char **name, u32 *len);
i64 synth_target(u32 id, char *buf, u64 cap);
i64 synth_open(u32 id, u32 flags);   /* file index */

/* proc.c */
void proc_maps(struct text *), proc_stat(struct text *), proc_statm(struct text *), proc_status(struct text *),
	proc_cmdline(struct text *), proc_environ(struct text *), proc_auxv(struct text *), proc_comm(struct text *),
	proc_limits(struct text *), proc_cpuinfo(struct text *), proc_meminfo(struct text *), proc_cpustat(struct text *),
	proc_uptime(struct text *), proc_boot_id(struct text *), proc_uuid(struct text *), proc_memory_max(struct text *),
	proc_memory_current(struct text *), proc_cpus(struct text *), proc_mounts(struct text *);
#endif
