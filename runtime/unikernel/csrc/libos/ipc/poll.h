/*
 * poll.h: what poll, select and epoll share: how a time-out is read, and which bits are always told
 * (poll(2), epoll_ctl(2)).
 */
#ifndef POLL_H
#define POLL_H
#include "core/libos.h"

#define POLL_ALWAYS (POLLERR | POLLHUP) /* told whether asked for or not */

u64 poll_ms(u64 t); /* a time-out in milliseconds as an int: FOREVER if negative; in nanoseconds */
i64 poll_timeout(
	u64 p, u64 unit, u64 *ns); /* from a timespec (unit 1) or timeval (unit USEC) of the guest; 0 or -errno */
#endif
