/* sys.h: host system calls of the tender, which has no libc: its whole program is one small range that a UC unmaps. */
#ifndef SYS_H
#define SYS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/errno.h>
#include <sys/syscall.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint8_t u8;

static inline i64 sys6(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	i64 r;
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}

#define SYS0(n)                sys6(SYS_##n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a)             sys6(SYS_##n, (u64)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b)          sys6(SYS_##n, (u64)(a), (u64)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c)       sys6(SYS_##n, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d)    sys6(SYS_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) sys6(SYS_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), 0)
#define SYS6(n, a, b, c, d, e, f) sys6(SYS_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))

void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);

/* ---- The parts of <sys/socket.h>, <sys/mman.h> and others that are used, by the kernel's names and values ---- */
struct iovec { void *base; size_t len; };
struct msghdr { void *name; u32 namelen, pad; struct iovec *iov; size_t iovlen; void *control; size_t controllen; u32 flags, pad2; };
struct cmsghdr { size_t len; u32 level, type; };

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_CTRUNC 8
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000

#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_NORESERVE 0x4000
#define MADV_DONTFORK 10
#define MADV_NOHUGEPAGE 15
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2

#define O_RDWR 2
#define O_PATH 010000000
#define O_CLOEXEC 02000000
#define O_TMPFILE 020200000
#define AT_FDCWD (-100)

#define SIGKILL 9
#define SIGCHLD 17
#define WNOHANG 1
#define WSTOPPED 2
#define P_ALL 0

#define PAGE 4096ull
#define PAGE_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#endif
