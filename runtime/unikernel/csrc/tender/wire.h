/* wire.h: packets on FD_CONTROL. Every role may call these. */
#ifndef WIRE_H
#define WIRE_H

#include "tender.h"

/* One packet and at most max descriptors of it. Returns its bytes, 0 at the end of the socket,
 * -EMSGSIZE if the packet or its descriptors did not fit, or another -errno. */
i64 receive(void *buf, u64 cap, int *fds, int max, int *nfds);

/* Sends a reply, with a descriptor unless fd is negative. The process ends if the platform is gone. */
void reply(const struct tc_reply *, int fd);
void reply_with(const struct tc_reply *, const void *body, u64 len);

/* Ends the process with UC_EXIT_REFUSED; a UC_MSG_EXIT says what failed and the errno. */
_Noreturn void quit(const char *what, i64 err);

/* Writes v in decimal and a NUL; returns where the NUL is. At most 21 bytes. */
char *decimal(char *, u64 v);
#endif
