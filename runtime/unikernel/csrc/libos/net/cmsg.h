/*
 * cmsg.h: ancillary data of messages, for sockmsg.c (cmsg(3)). What comes in is copied whole before
 * it is looked at.
 */
#ifndef CMSG_H
#define CMSG_H
#include "net/socket.h"

struct rights;
/* What came with a message that is sent: descriptors, and the marks of its datagram. */
struct sent {
	struct rights *rights;
	struct marks marks;
};
i64 control_in(const struct sock *s, u64 p, u64 len, struct sent *sent); /* 0 or -errno; *sent has what the data say */
struct control {
	u64 p, left, used;
	u32 flags;
}; /* where it goes, and MSG_CTRUNC if it did not fit */
void control_rights(struct control *c, struct rights *r, int cloexec); /* r is used up */
void control_marks(struct control *c, const struct sock *s, struct marks m); /* what the socket has asked for */
#endif
