/* socket.h: sockets as objects. */
#ifndef SOCKET_H
#define SOCKET_H
#include "base/libos.h"
#include "mm/queue.h"
#include "net/address.h"

enum { NEW, LISTENING, CONNECTING, CONNECTED };
#define SOCK_BUFFER 262144 /* bytes of a receive buffer; for a proxied stream as much as UC_WINDOW lets come */
#define DEFAULT_HOPS 64 /* ip(7), ipv6(7) */
#define DATAGRAM_MAX 65000 /* so that a datagram with its address fits into one packet of the channel */

/* What IPv6 says of a datagram besides its address: ancillary data of RFC 3542. */
struct marks {
	u16 hops, tclass;
};

/* Values of sock.bound and sock.eof above 1. */
enum { BOUND_BY_CONNECTION = 2 }; /* no second connection is delivered there */
enum { EOF_BY_READER = 2 }; /* shutdown(SHUT_RD): the peer's writes fail */
enum { SHUT_BY_RESET = 2 }; /* the tender knows that the connection is gone */

struct sock {
	u8 domain, type, state, proxied; /* proxied: its other end is in the tender (net.c) */
	u8 eof, shut, bound, v6only; /* eof: no more will come; shut: no more may be sent */
	i32 error; /* SO_ERROR */
	u32 seq, id, credit, owed; /* seq: for edges. Proxied: its number, may still send, taken but not yet credited */
	struct sock *peer, *next; /* the other end inside the guest; the list of all */
	struct queue rx; /* a stream's bytes, or records of a datagram socket */
	struct sock **backlog; /* connections that wait for accept: backlog_max of them at most */
	u32 pending, backlog_max;
	u64 rcv_timeout, snd_timeout; /* nanoseconds, 0: for ever */
	struct option *options; /* sockopt.c: NULL: none was set */
	struct rights *rights; /* descriptors that come with what lies in rx (rights.c) */
	u8 routed, abort; /* local was chosen by connect; close sends a reset (SO_LINGER of no time) */
	u8 udplite, begun; /* of IPPROTO_UDPLITE; connect said EINPROGRESS, and the next one says 0 */
	struct marks marks; /* of the datagrams that are sent */
	struct addr local, remote;
};

/* What lies in rx in front of the len bytes of a datagram. */
struct record {
	u32 len;
	struct marks marks;
	struct addr from;
};

struct sock *sock_new(int domain, int type); /* NULL: no memory */
void sock_free(struct sock *s); /* it is nobody's peer any more */
struct sock *sock_bound(int domain, int type, const struct addr *a); /* who listens or is bound there; NULL: nobody */
i64 sock_autobind(struct sock *s); /* a free port, if it has none */
void sock_route(struct sock *s, const struct addr *to); /* local becomes the address that a route to it starts from */
void sock_pair(struct sock *a, struct sock *b); /* connects two sockets with each other */
i64 sock_connect_local(
	struct sock *s, const struct addr *to); /* to a listener inside the guest; -EAGAIN: its backlog is full */
i64 sock_deliver(struct sock *to, const struct addr *from, struct marks marks, u64 buf,
	u64 n); /* one datagram into to's queue: n, or -errno */
#endif
