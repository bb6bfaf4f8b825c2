/* proc.h: what the kernel tells of a process in /proc/PID (proc(5)), and its memory. The guest has
 * no part in any answer. */
#ifndef PROC_H
#define PROC_H

#include "child.h"

/* A descriptor of /proc/PID/NAME, or -errno. proc_file keeps it open in the child: for children
 * that are asked again and again. */
int proc_open(int pid, const char *name, int flags);
int proc_file(struct child *, int which);

/* Whether the child sleeps in a system call: call is how its line in /proc/PID/syscall begins. 0,
 * -EAGAIN or another -errno. */
i64 sleeps_in(struct child *, const char *call);

u64 time_spent(int pid); /* ns on a processor */
u64 anonymous_pages(int pid); /* resident pages of no file */
i64 page_faults(struct child *); /* minor and major ones since its fork, or -errno */

/* process_vm_readv(2), process_vm_writev(2): the bytes that were read; 0 if all len bytes were
 * written; else -errno. */
i64 read_vm(int pid, void *to, u64 from, u64 n);
i64 write_vm(int pid, const struct iovec *local, const struct iovec *remote, u32 n, u64 len);

/* Orders to a zygote, see control.h. */
void stat_text(const struct tc_order *, struct tc_reply *);
void set_limit(const struct tc_order *, struct tc_reply *);
void peek(const struct tc_order *, struct tc_reply *);
#endif
