/*
 * rights.h: descriptors in messages of unix sockets (SCM_RIGHTS, unix(7)).
 *
 * A set holds a reference to each of its files from the moment it is made: a file lives while its
 * descriptor is under way.
 */
#ifndef RIGHTS_H
#define RIGHTS_H
#include "net/socket.h"

struct rights {
	struct rights *next;
	u64 at;
	u32 n, pad;
	u16 file[];
}; /* at: bytes of rx before those that it comes with */

struct rights *rights_new(const i32 *fds, u32 n, i64 *error); /* each file gets a reference */
void rights_free(struct rights *r); /* and their references */
void rights_post(struct sock *to, struct rights *r, u64 at); /* at: bytes of rx in front of those that they come with */
int rights_here(const struct sock *s); /* the first byte of rx has some */
u64 rights_limit(const struct sock *s, u64 n); /* a read ends where others begin */
void rights_read(struct sock *s, u64 n); /* n bytes were taken; what came with them goes with them */
struct rights *rights_take(struct sock *s); /* the first, NULL: none */
void rights_drop(struct sock *s); /* all */
#endif
