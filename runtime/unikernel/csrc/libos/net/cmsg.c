/*
 * cmsg.c: ancillary data of messages (cmsg(3)): descriptors, and the hop limit and traffic class of
 * IPv6 datagrams (RFC 3542).
 *
 * Only what is understood changes anything; what a protocol does not know it refuses, as Linux
 * does.
 */
#include "base/state.h"
#include "net/cmsg.h"
#include "net/rights.h"
#include "net/sockopt.h"

/* Bytes of ancillary data that one call may send: Linux bounds it by net.core.optmem_max. */
#define CONTROL_MAX 4096

/* struct cmsghdr of the guest. */
struct cmsghdr {
	u64 len;
	i32 level, type;
};
#define ALIGN(n) (((n) + 7) & ~7ull) /* CMSG_ALIGN */

/* One item of what is sent. n bytes of data. */
static i64 one(
	const struct sock *s, const struct cmsghdr *h, const u8 *data, u64 n, i32 *fds, u32 *nfds, struct sent *sent)
{
	if (h->level == SOL_SOCKET && h->type == SCM_RIGHTS) {
		if (s->domain != AF_UNIX)
			return -EINVAL;
		/* Linux's bound for one message. */
		if (*nfds + n / 4 > SCM_MAX_FD)
			return -EINVAL;
		memcpy(fds + *nfds, data, n & ~3ull); /* the kernel's scm_fp_copy drops a rest too */
		*nfds += n / 4;
		return 0;
	}
	if (h->level == SOL_SOCKET && h->type == SCM_CREDENTIALS && s->domain == AF_UNIX)
		return 0; /* whoever asks knows them: there is one process */
	if (h->level == SOL_SOCKET)
		return -EINVAL;
	if (h->level == SOL_IPV6 && s->domain == AF_INET6 && (h->type == IPV6_HOPLIMIT || h->type == IPV6_TCLASS)) {
		i32 v;
		if (n < 4)
			return -EINVAL;
		memcpy(&v, data, 4);
		/* RFC 3542: -1 is the default. */
		if (v < -1 || v > 255)
			return -EINVAL;
		if (v >= 0)
			*(h->type == IPV6_TCLASS ? &sent->marks.tclass : &sent->marks.hops) = v;
		return 0;
	}
	return 0;
}

/* All of the ancillary data is copied before any of it is looked at: the guest cannot change it in
 * between. */
i64 control_in(const struct sock *s, u64 p, u64 len, struct sent *sent)
{
	u8 buf[CONTROL_MAX];
	i32 fds[SCM_MAX_FD];
	u32 nfds = 0;
	i64 r = 0;
	/* send(2), ENOBUFS: Linux has the same error beyond net.core.optmem_max. */
	if (len > sizeof buf)
		return -ENOBUFS;
	if (from_user(buf, p, len))
		return -EFAULT;
	for (u64 at = 0; !r && len - at >= sizeof(struct cmsghdr);) {
		struct cmsghdr h;
		memcpy(&h, buf + at, sizeof h);
		/* The length is the guest's word. */
		if (h.len < sizeof h || h.len > len - at)
			return -EINVAL;
		r = one(s, &h, buf + at + sizeof h, h.len - sizeof h, fds, &nfds, sent);
		/* The last item need not be filled up. */
		at += MIN(ALIGN(h.len), len - at);
	}
	if (!r && nfds)
		sent->rights = rights_new(fds, nfds, &r);
	return r;
}

/* Appends a message, as much of it as fits. */
static void append(struct control *c, i32 level, i32 type, const void *data, u64 n)
{
	struct cmsghdr h = { sizeof h + n, level, type };
	/* Not even the head fits. */
	if (c->left < sizeof h) {
		c->flags |= MSG_CTRUNC;
		return;
	}
	if (c->left < h.len)
		h.len = c->left, c->flags |= MSG_CTRUNC;
	if (to_user(c->p, &h, sizeof h) || to_user(c->p + sizeof h, data, h.len - sizeof h)) {
		c->flags |= MSG_CTRUNC;
		return;
	}
	u64 used = MIN(ALIGN(h.len), c->left);
	c->p += used, c->left -= used, c->used += used;
}

/* Each descriptor of r gets a number here. What does not fit into the buffer is closed, and told by
 * MSG_CTRUNC: unix(7). */
void control_rights(struct control *c, struct rights *r, int cloexec)
{
	i32 fds[SCM_MAX_FD];
	u32 n = 0, room = c->left < sizeof(struct cmsghdr) ? 0 : MIN((c->left - sizeof(struct cmsghdr)) / 4, (u64)r->n);
	for (; n < room; n++) {
		S->files[r->file[n]].refs++;
		i64 fd = fd_install(r->file[n], cloexec);
		if (fd < 0)
			break; /* EMFILE: as on Linux, those that have no number are lost */
		fds[n] = fd;
	}
	if (n < r->n)
		c->flags |= MSG_CTRUNC;
	rights_free(r);
	if (n)
		append(c, SOL_SOCKET, SCM_RIGHTS, fds, n * 4);
}

/* Only for a socket that asked for them (IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS). */
void control_marks(struct control *c, const struct sock *s, struct marks m)
{
	i32 hops = m.hops, tclass = m.tclass;
	if (option_value(s, SOL_IPV6, IPV6_RECVHOPLIMIT))
		append(c, SOL_IPV6, IPV6_HOPLIMIT, &hops, 4);
	if (option_value(s, SOL_IPV6, IPV6_RECVTCLASS))
		append(c, SOL_IPV6, IPV6_TCLASS, &tclass, 4);
}
