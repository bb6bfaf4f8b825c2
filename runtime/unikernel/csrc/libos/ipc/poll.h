/*
 * poll.h: what poll, select and epoll share: a time-out in milliseconds, and which bits are always
 * told (poll(2), epoll_ctl(2)).
 */
#ifndef POLL_H
#define POLL_H
#include "base/libos.h"

#define POLL_ALWAYS (POLLERR | POLLHUP) /* told whether asked for or not */

u64 poll_ms(u64 t); /* a time-out in milliseconds as an int: FOREVER if negative; in nanoseconds */
#endif
