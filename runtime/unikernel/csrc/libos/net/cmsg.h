/* cmsg.h: ancillary data of messages, for sockmsg.c. */
#ifndef CMSG_H
#define CMSG_H
#include "net/socket.h"

struct rights;
struct sent { struct rights *rights; struct marks marks; };
i64 control_in(const struct sock *s, u64 p, u64 len, struct sent *sent);
struct control { u64 p, left, used; u32 flags; }; /* where it goes, and MSG_CTRUNC if it did not fit */
void control_rights(struct control *c, struct rights *r, int cloexec);
void control_marks(struct control *c, const struct sock *s, struct marks m);
#endif
