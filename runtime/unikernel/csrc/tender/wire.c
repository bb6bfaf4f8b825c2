/*
 * wire.c: packets with descriptors, and the last word of a process that cannot go on.
 *
 * SOCK_SEQPACKET keeps the bounds of packets, so an order needs no length of its own, and either
 * end hears of the other's (unix(7)). A descriptor arrives with the packet that it was sent with.
 */
#include "wire.h"

/* There is no libc, and so no snprintf. */
char *decimal(char *p, u64 v)
{
	char b[24];
	int n = 0;
	do
		b[n++] = '0' + v % 10;
	while (v /= 10);
	while (n)
		*p++ = b[--n];
	*p = 0;
	return p;
}

i64 receive(void *buf, u64 cap, int *fds, int max, int *nfds)
{
	struct {
		struct cmsghdr h;
		int fd[32];
	} c; /* the kernel closes what does not fit and says MSG_CTRUNC */
	struct iovec v = { buf, cap };
	struct msghdr m = { 0, 0, 0, &v, 1, &c, sizeof c, 0, 0 };
	i64 n = SYS3(recvmsg, FD_CONTROL, &m, MSG_CMSG_CLOEXEC);
	*nfds = 0;
	if (n < 0)
		return n;
	/* cmsg(3): the length counts the header. */
	if (m.controllen >= sizeof c.h && c.h.level == SOL_SOCKET && c.h.type == SCM_RIGHTS)
		*nfds = (c.h.len - sizeof c.h) / 4;
	for (int i = 0; i < *nfds; i++) {
		if (i < max)
			fds[i] = c.fd[i];
		else
			SYS1(close, c.fd[i]);
	}
	if (m.flags & (MSG_TRUNC | MSG_CTRUNC) || *nfds > max)
		return -EMSGSIZE;
	return n;
}

/* unix(7), SCM_RIGHTS: the padding keeps the control message a multiple of 8 bytes (CMSG_SPACE). */
static i64 send_packet(const struct tc_reply *r, const void *body, u64 len, int fd)
{
	struct {
		struct cmsghdr h;
		int fd, pad;
	} c = { /* one descriptor at most */
		{ sizeof(struct cmsghdr) + sizeof(int), SOL_SOCKET, SCM_RIGHTS }, fd, 0
	};
	struct iovec v[2] = { { (void *)r, sizeof *r }, { (void *)body, len } };
	struct msghdr m = { 0, 0, 0, v, len ? 2 : 1, fd < 0 ? 0 : &c, fd < 0 ? 0 : sizeof c, 0, 0 };
	return SYS3(sendmsg, FD_CONTROL, &m, MSG_NOSIGNAL);
}

/* To a platform that is gone there is nothing to say: a zygote ends, and its children with it. */
void reply(const struct tc_reply *r, int fd)
{
	if (send_packet(r, 0, 0, fd) < 0)
		SYS1(exit_group, 1); /* the platform is gone */
}

/* For a body that is not in scratch: the root's first reply, before there is a scratch file. */
void reply_with(const struct tc_reply *r, const void *body, u64 len)
{
	if (send_packet(r, body, len, -1) < 0)
		SYS1(exit_group, 1);
}

/* MSG_DONTWAIT: a platform that reads nothing must not keep the process alive; the exit status says
 * the same. The loop is for the compiler: exit_group does not return. */
void quit(const char *what, i64 err)
{
	struct {
		struct uc_msg m;
		char text[160];
	} p = { { UC_MSG_EXIT, 0, (u32)-err, UC_EXIT_REFUSED, 0 }, "" };
	char *t = p.text;
	for (const char *s = "tender: "; *s;)
		*t++ = *s++;
	while (*what && t < p.text + sizeof p.text - 40) /* room for the errno */
		*t++ = *what++;
	for (const char *s = ": errno "; *s;)
		*t++ = *s++;
	t = decimal(t, -err);
	p.m.len = t - p.text;
	SYS6(sendto, FD_CONTROL, &p, sizeof p.m + p.m.len, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
	for (;;)
		SYS1(exit_group, UC_EXIT_REFUSED);
}
