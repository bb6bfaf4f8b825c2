/*
 * interfaces.h: the network interfaces that the guest believes it has: loopback, and one that leads
 * to the world.
 */
#ifndef INTERFACES_H
#define INTERFACES_H
#include "net/socket.h"

i64 netlink_ask(struct sock *s, u64 buf, u64 n); /* one request; its answer lies in the socket's queue */
i64 interface_ioctl(u32 cmd, u64 arg); /* cmd: SIOCGIFNAME or SIOCGIFINDEX */
#endif
