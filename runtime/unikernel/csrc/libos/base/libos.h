/*
 * libos.h: what every file of the libOS is written in: integer types, the symbols of start.S,
 * memory and text functions.
 *
 * The libOS is the kernel of one guest process. It lies at UC_LIBOS as one read-execute segment,
 * serves the process's system calls, and asks the host for next to nothing (abi/uc_filter.h). It
 * has no C library and no writable data of its own. Every mutable word lies in struct state
 * (state.h), which is part of the region: a snapshot of the region is a snapshot of the libOS, and
 * whoever maps the region elsewhere has the whole guest there.
 *
 * Folders from the ground up. A file names files of its own folder and of those before it alone, and
 * no two files name each other.
 *
 *   base     types, texts, the guest's memory, the layout of the state
 *   host     the host's calls and clocks
 *   mm       memory: the book of mappings, the heap, queues
 *   channel  messages to and from the platform
 *   sched    threads, futexes, signals, time
 *   fs       open files and descriptors, file systems, paths, pipes, inotify
 *   ipc      events, timers, the process as a file, polling, the driver's stream
 *   net      sockets
 *   core     the entry, the table of calls, the scheduler, the start of a program
 *
 * Where a lower file has to call an upper one, the upper one has entered a table: struct file_ops and
 * struct fs_ops for kinds of files and file systems, struct notify_ops for inotify, struct inbox_ops
 * for messages. Two files stand outside of the order. start.S calls upwards, since the processor comes
 * in there. state.h includes headers of all folders, for the types of which the state is made.
 *
 * A system call runs to its end without interruption: there is one host thread, the tick only sets
 * a mark while the libOS runs, and no other guest thread runs in between. So nothing here takes a
 * lock.
 */
#ifndef LIBOS_H
#define LIBOS_H

/* The libOS is one static object. Hidden symbols need no entry in a global offset table. */
#pragma GCC visibility push(hidden)

#include "common/string.h"
#include "common/types.h"
#include "base/linux.h"
#include "../../abi/uc.h"
#include "../../abi/uc_image.h"

#define SEC 1000000000ull /* in nanoseconds, the unit of every time inside the libOS */
#define MSEC 1000000ull
#define USEC 1000ull
/* 2^32 seconds are 136 years: a wait that long is for ever. */
#define SECONDS_MAX 4000000000ull /* a longer wait is cut to this, so that nanoseconds fit into 64 bits */

#define HOST ((const struct uc_host *)UC_HOST)

/* What a system call returns besides a result. None of the three reaches a guest. */
#define BLOCKED \
	(-10000) /* no answer yet: the thread is parked, and the call is tried again when something changed (schedule.c) */
#define REPLACED (-10001) /* the registers in the frame were replaced (sigreturn): no result is stored */
#define PARKED \
	(-10002) /* the call has parked or ended the running thread: another one runs next, and no result is stored */

/* ---- start.S ---- */
/* The host's system call, by the one instruction that the filter lets pass: six arguments, and the
 * kernel's answer. */
i64 hostcall(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
u64 copy_user(void *dst, const void *src, u64 n); /* bytes left when a fault ended the copy */
/* Addresses inside start.S that entry.c tells apart by RIP. */
extern const char copy_user_end[], copy_fault[], guest_vdso[], guest_vdso_end[], uc_slow[];
void uc_restorer(void);
void uc_enter(void);
void uc_leave(void);
void uc_fast(void);
/* Where the tender lets a UC go on that it has reset (abi/uc.h). */
void uc_after_reset(void);
/* Sleeps at UC_SLEEP_CALL; goes on in libos_woken (entry.c). */
_Noreturn void uc_sleep(void);
/* To the guest: rt_sigreturn on a frame that was built by hand. */
_Noreturn void frame_return(void *ucontext);

/* ---- text.c ---- */
int streq(const char *, const char *);

/* A bounded text: /proc files, console lines, crash reports. What does not fit is cut. */
struct text {
	char *p;
	u64 n, cap;
};
void put(struct text *, const char *);
/* Bytes that need not be terminated. */
void put_n(struct text *, const char *, u64);
void put_u(struct text *, u64);
void put_i(struct text *, i64);
/* Hexadecimal, shortest form. */
void put_x(struct text *, u64);
/* Hexadecimal, width digits. */
void put_xw(struct text *, u64, int width);

/* ---- Guest memory: a guest's pointer may lead anywhere, so a fault in one of these is an answer: 0 or -EFAULT ---- */
static inline i64 from_user(void *dst, u64 src, u64 n) { return copy_user(dst, (const void *)src, n) ? -EFAULT : 0; }
static inline i64 to_user(u64 dst, const void *src, u64 n) { return copy_user((void *)dst, src, n) ? -EFAULT : 0; }
i64 zero_user(u64 dst, u64 n);
i64 string_user(char *dst, u64 src, u64 cap); /* length, -EFAULT or -ENAMETOOLONG */
#endif
