/* sys.h: host system calls of the tender. The tender has no libc: its whole program is one small
 * range that a UC unmaps. */
#ifndef SYS_H
#define SYS_H

#include "common/linux.h"
#include "common/string.h"
#include "common/types.h"
#include <linux/signal.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <asm/socket.h>

/* syscall(2), 'Architecture calling conventions': the kernel overwrites rcx and r11. */
static inline i64 sys6(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	i64 r;
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
					 : "=a"(r)
					 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
					 : "rcx", "r11", "memory");
	return r;
}

/* SYSn(name, ...): system call NAME with n arguments, each of them cast. */
#define SYS0(n) sys6(__NR_##n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a) sys6(__NR_##n, (u64)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) sys6(__NR_##n, (u64)(a), (u64)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) sys6(__NR_##n, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) sys6(__NR_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) sys6(__NR_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), 0)
#define SYS6(n, a, b, c, d, e, f) sys6(__NR_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))

/* A system call returns -errno on failure; the kernel keeps errno below 4096 (MAX_ERRNO in
 * include/linux/err.h). */
#define FAILED(r) ((u64)(r) > (u64)-4096)

/* recvmsg(2) and cmsg(3): struct user_msghdr and struct cmsghdr of include/linux/socket.h, which is
 * not for user space. */
struct msghdr {
	void *name; /* none: the sockets are connected */
	u32 namelen, pad;
	struct iovec *iov;
	size_t iovlen;
	void *control;
	size_t controllen;
	u32 flags, pad2; /* of recvmsg: MSG_TRUNC, MSG_CTRUNC */
};
struct cmsghdr {
	size_t len; /* of this and of what follows */
	u32 level, type; /* SOL_SOCKET, SCM_RIGHTS */
};
#endif
