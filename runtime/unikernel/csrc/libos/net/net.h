/*
 * net.h: connections to the world, by messages to the tender (abi/uc.h: OPEN, STREAM, FIN, RESET,
 * CREDIT, DGRAM).
 */
#ifndef NET_H
#define NET_H
#include "net/socket.h"

void net_message(struct uc_msg *m, const u8 *body); /* what the tender says of a connection */
i64 net_connect(struct sock *s, const struct addr *to); /* 0: asked for */
i64 net_send(struct sock *s, u64 buf, u64 n); /* bytes sent; -EAGAIN without credit or room */
i64 net_send_to(struct sock *s, const struct addr *to, u64 buf, u64 n); /* n, also for a datagram that nobody hears */
void net_credit(struct sock *s); /* what was taken may come again */
void net_shut(struct sock *s); /* the guest sends no more */
void net_close(struct sock *s); /* the socket is about to go */
#endif
