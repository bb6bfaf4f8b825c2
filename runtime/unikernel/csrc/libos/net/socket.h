/* socket.h: sockets, for socket.c (objects), net.c (through the tender), sockcalls.c and sockmsg.c (system calls). */
#ifndef SOCKET_H
#define SOCKET_H

#include "core/state.h"

enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16 };
enum { STREAM = 1, DGRAM = 2, RAW = 3, SEQPACKET = 5 };
enum { NEW, LISTENING, CONNECTING, CONNECTED };
#define BACKLOG_MAX 128
#define SOCK_BUFFER 262144

#define OWN_IPV4 { 10, 0, 2, 15 } /* what the guest believes its own address is */

/* IPv4 addresses are kept in their IPv6 form ::ffff:a.b.c.d; unix names in path; of netlink nothing: there is only the kernel. */
struct addr { u8 ip[16]; u16 port; u16 path_len; char path[108]; };

/* What IPv6 says of a datagram besides its address: ancillary data of RFC 3542. */
struct marks { u16 hops, tclass; };

struct sock {
	u8 domain, type, state, proxied;
	u8 eof, shut, bound, v6only;       /* eof: no more will come; shut: no more may be sent */
	i32 error;                         /* SO_ERROR */
	u32 seq, id, credit, owed;         /* proxied: may still send; bytes taken but not yet credited */
	struct sock *peer, *next;
	struct queue rx;                   /* a stream's bytes, or records of a datagram socket */
	struct sock **backlog;
	u32 pending, backlog_max;
	u64 rcv_timeout, snd_timeout;
	struct option *options;            /* sockopt.c: OPTIONS_MAX of them, NULL: none was set */
	struct rights *rights;             /* descriptors that come with what lies in rx (rights.c) */
	u8 routed, abort;                  /* local was chosen by connect; close sends a reset (SO_LINGER of no time) */
	u8 udplite, begun;                 /* of IPPROTO_UDPLITE; connect said EINPROGRESS, and the next one says 0 */
	struct marks marks;                /* of the datagrams that are sent */
	struct addr local, remote;
};

struct record { u32 len; struct marks marks; struct addr from; };

#define OPTIONS_MAX 16
struct option { u16 level, name; i32 value[2]; }; /* level 0 and name 0: free */

void sock_route(struct sock *s, const struct addr *to); /* local becomes the address that a route to it starts from */
struct sock *sock_new(int domain, int type);
void sock_free(struct sock *s);
u64 sock_readable(struct sock *s);          /* FIONREAD: bytes of a stream, or of the next datagram */
int is_loopback(const struct addr *a);     /* or unspecified, which means the same to connect; or the guest's own */
int is_any(const struct addr *a);
struct sock *sock_bound(int domain, int type, const struct addr *a); /* who listens or is bound there */
i64 sock_autobind(struct sock *s);
void sock_pair(struct sock *a, struct sock *b);
i64 sock_connect_local(struct sock *s, const struct addr *to);
i64 sock_deliver(struct sock *to, const struct addr *from, struct marks marks, u64 buf, u64 n);

/* ---- rights.c: descriptors in messages (SCM_RIGHTS) ---- */
struct rights { struct rights *next; u64 at; u32 n, pad; u16 file[]; }; /* at: bytes of rx before those that it comes with */
#define RIGHTS_MAX 253                      /* SCM_MAX_FD */
struct rights *rights_new(const i32 *fds, u32 n, i64 *error);
void rights_free(struct rights *r);
void rights_post(struct sock *to, struct rights *r, u64 at);
int rights_here(const struct sock *s);      /* the first byte of rx has some */
u64 rights_limit(const struct sock *s, u64 n); /* a read ends where others begin */
void rights_read(struct sock *s, u64 n);    /* n bytes were taken; what came with them goes with them */
struct rights *rights_take(struct sock *s);
void rights_drop(struct sock *s);

/* ---- sockopt.c ---- */
i32 option_value(const struct sock *s, u64 level, u64 name);
enum { SOL_IP = 0, SOL_SOCKET = 1, SOL_TCP = 6, SOL_UDP = 17, SOL_IPV6 = 41, SOL_UDPLITE = 136 };
enum { IPV6_UNICAST_HOPS = 16, IPV6_RECVHOPLIMIT = 51, IPV6_HOPLIMIT = 52, IPV6_RECVTCLASS = 66, IPV6_TCLASS = 67 };

/* ---- cmsg.c: ancillary data ---- */
struct sent { struct rights *rights; struct marks marks; };
i64 control_in(const struct sock *s, u64 p, u64 len, struct sent *sent);
struct control { u64 p, left, used; u32 flags; }; /* where it goes, and MSG_CTRUNC if it did not fit */
void control_rights(struct control *c, struct rights *r, int cloexec);
void control_marks(struct control *c, const struct sock *s, struct marks m);

i64 net_connect(struct sock *s, const struct addr *to); /* 0: asked for */
i64 net_send(struct sock *s, u64 buf, u64 n);
i64 net_send_to(struct sock *s, const struct addr *to, u64 buf, u64 n);
void net_credit(struct sock *s);
void net_shut(struct sock *s);
void net_close(struct sock *s);

/* ---- interfaces.c ---- */
i64 netlink_ask(struct sock *s, u64 buf, u64 n); /* one request; its answer lies in the socket's queue */
#define SIOCGIFNAME 0x8910
#define SIOCGIFINDEX 0x8933
i64 interface_ioctl(u32 cmd, u64 arg);

/* ---- sockcalls.c, for sockmsg.c ---- */
i64 sock_get(u64 fd, struct sock **s, struct file **f);
i64 sock_wait(struct file *f, int flags, u64 timeout); /* block, unless asked not to; 0: for ever */
i64 address_in(int domain, u64 p, u64 len, struct addr *a);
i64 address_out(int domain, const struct addr *a, u64 p, u64 len_p);
#define SOCK(fd) \
	struct file *f; struct sock *s; \
	{ i64 e_ = sock_get(fd, &s, &f); if (e_) return e_; }
#endif
