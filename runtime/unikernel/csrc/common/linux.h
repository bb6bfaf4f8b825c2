/*
 * linux.h: the kernel's constants, by the kernel's names. Neither half has a libc: <sys/mman.h>,
 * <fcntl.h> and <sys/socket.h> are out of reach, but the kernel's own headers for user space
 * (linux-libc-dev) need none.
 */
#ifndef COMMON_LINUX_H
#define COMMON_LINUX_H

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <asm/unistd.h>

/* recvmsg(2), sendmsg(2), unix(7): the kernel has these in include/linux/socket.h, which is not for
 * user space. */
#define SCM_RIGHTS 1
#define MSG_CTRUNC 8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#endif
