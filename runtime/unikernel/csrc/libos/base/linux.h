/*
 * linux.h: the constants and structures of Linux's system call interface, under the names that its
 * own headers give them.
 *
 * A guest was compiled against these headers, so the libOS takes numbers and layouts from the same
 * source. The kernel keeps the numbers below out of its exported headers and leaves them to the C
 * library, which the libOS does not have.
 */
#ifndef LIBOS_LINUX_H
#define LIBOS_LINUX_H

#include "common/linux.h"
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/prctl.h>
#include <asm/resource.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/socket.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/tcp.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include <linux/uio.h>

/* socket(2), <bits/socket.h> */
enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16 };
enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_SEQPACKET = 5, SOCK_TYPE_MASK = 15 };
enum { SOCK_NONBLOCK = O_NONBLOCK, SOCK_CLOEXEC = O_CLOEXEC }; /* include/linux/net.h */
enum { SHUT_RD = 0, SHUT_WR = 1 }; /* shutdown(2), <sys/socket.h> */
/* SOL_*: the kernel's include/linux/socket.h. */
enum { SOL_IP = 0, SOL_TCP = 6, SOL_UDP = 17, SOL_IPV6 = 41, SOL_UDPLITE = 136, SOL_NETLINK = 270 };
enum { SCM_CREDENTIALS = 2, SCM_MAX_FD = 253 }; /* unix(7), include/net/scm.h */
enum { MSG_PEEK = 2, MSG_WAITALL = 0x100 }; /* recv(2) */
enum { SOMAXCONN = 128 }; /* listen(2), before Linux 5.4 */

/* netdevice(7), <net/if.h>, <net/if_arp.h> */
enum {
	IFF_UP = 0x1,
	IFF_BROADCAST = 0x2,
	IFF_LOOPBACK = 0x8,
	IFF_RUNNING = 0x40,
	IFF_MULTICAST = 0x1000,
	IFF_LOWER_UP = 0x10000
};
enum { ARPHRD_ETHER = 1, ARPHRD_LOOPBACK = 772, IFNAMSIZ = 16 }; /* IFNAMSIZ in bytes, with the zero */

/* eventfd(2), sigaltstack(2), access(2), futimens(3), getdents64(2) */
enum { EFD_SEMAPHORE = 1 }; /* eventfd(2) */
enum { SS_ONSTACK = 1, SS_DISABLE = 2 }; /* sigaltstack(2) */
#define SS_AUTODISARM 0x80000000u
/* access(2): the bits of mode. */
enum { X_OK = 1, W_OK = 2 };
/* utimensat(2): special values of tv_nsec. */
enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };
/* readdir(3): the type of an entry is the upper part of st_mode. */
enum { DT_DIR = S_IFDIR >> 12, DT_LNK = S_IFLNK >> 12, DT_MASK = 15 };

#define SIG_ERESTART (-512) /* the kernel's own ERESTARTSYS: back onto the call; never reaches a guest */
#endif
