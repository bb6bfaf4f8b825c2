/*
 * libos.h: what all subjects of the libOS share. There is no libc here and no writable data: every mutable word is in
 * struct state (state.h), which lies in the region and so is part of every snapshot.
 */
#ifndef LIBOS_H
#define LIBOS_H

/* One static object: no symbol is anybody else's, so none needs a GOT entry. */
#pragma GCC visibility push(hidden)

#include "common/linux.h"
#include "common/string.h"
#include "common/types.h"
#include "../../../abi/uc.h"
#include "../../../abi/uc_image.h"

#define HOST ((const struct uc_host *)UC_HOST)

/* What a call returns that cannot be answered yet: the thread sleeps and the call is tried again from its start when
 * something changed (sched.c). Never reaches a guest. */
#define BLOCKED (-10000)
/* The registers in the frame were replaced (sigreturn, thread exit): do not store a result. */
#define REPLACED (-10001)

/* ---- start.S ---- */
i64 hostcall(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
u64 copy_user(void *dst, const void *src, u64 n);
extern const char copy_user_end[], copy_fault[], guest_vdso[], guest_vdso_end[];
void uc_restorer(void);
void uc_enter(void);
void uc_leave(void);
void uc_fast(void);
extern const char uc_slow[];
_Noreturn void uc_sleep(void);
void uc_after_reset(void);
void uc_stub(void);
_Noreturn void frame_return(void *ucontext);

/* ---- string.c ---- */
int streq(const char *, const char *);
int starts(const char *s, const char *prefix);

/* A bounded text: for /proc files, console lines and crash reports. */
struct text { char *p; u64 n, cap; };
void put(struct text *, const char *);
void put_n(struct text *, const char *, u64);
void put_u(struct text *, u64);
void put_i(struct text *, i64);
void put_x(struct text *, u64);
void put_xw(struct text *, u64, int width);

/* ---- Guest memory: 0 or -EFAULT ---- */
static inline i64 from_user(void *dst, u64 src, u64 n) { return copy_user(dst, (const void *)src, n) ? -EFAULT : 0; }
static inline i64 to_user(u64 dst, const void *src, u64 n) { return copy_user((void *)dst, src, n) ? -EFAULT : 0; }
i64 zero_user(u64 dst, u64 n);
i64 string_user(char *dst, u64 src, u64 cap); /* length, -EFAULT or -ENAMETOOLONG */

/* ---- host.c: the channel and the ends of a UC ---- */
_Noreturn void uc_end(u32 how, u32 id, const char *why);
_Noreturn void uc_panic(const char *what, u64 value);
i64 send_msg(u16 type, u32 id, u32 arg, const void *head, u64 head_len, u64 body, u64 len); /* 0, -EAGAIN, -EFAULT */
int host_poll(i64 timeout_ns, int want_out); /* -1: for ever. 1: something may have arrived */
void host_woke(void);                        /* the first thing after a sleep */
_Noreturn void host_sleep(void);             /* until a message comes; goes on in libos_woken (entry.c) */
int host_backlog(void);                      /* words about connections wait: ask for no further one */
int host_receive(void);                      /* takes in what messages there are; 1 if any */
int host_received(i64 n);                    /* takes in one, or the error of its recvfrom; 1: a message */
void host_entropy(void *p, u64 n);
void console(const char *s, u64 n);
void host_discard(u64 start, u64 end);       /* pages become zero; memory goes back to the host */
void host_set_fs(u64 fs);

/* ---- time.c ---- */
u64 now_mono(void);
u64 now_real(void);

#endif
