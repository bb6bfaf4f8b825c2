/*
 * sockfile.h: sockets behind descriptors, for the calls that take one.
 *
 * A socket is read and written without regard to its descriptor's flags: whether to wait is
 * sock_wait's to decide.
 */
#ifndef SOCKFILE_H
#define SOCKFILE_H
#include "net/socket.h"

struct file;
extern const struct file_ops socket_ops;
i64 socket_read(struct sock *, u64 buf, u64 n);
i64 socket_write(struct sock *, u64 buf, u64 n); /* -EPIPE without a signal */
i64 sock_get(u64 fd, struct sock **s, struct file **f);
i64 sock_wait(struct file *f, int flags, int write); /* as file_wait; -EAGAIN with MSG_DONTWAIT */
void sock_close(struct sock *s); /* both directions end, and s is no more */

/* Every call on a socket begins so. */
#define SOCK(fd) \
	struct file *f; \
	struct sock *s; \
	{ \
		i64 e_ = sock_get(fd, &s, &f); \
		if (e_) \
			return e_; \
	}
#endif
