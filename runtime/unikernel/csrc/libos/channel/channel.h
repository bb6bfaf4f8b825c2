/*
 * channel.h: what the UC says on its channel.
 *
 * A message has a head of the libOS's own and a body in the guest's memory. -EAGAIN means that the
 * channel is full: nothing was sent, and S->want_out makes the next sleep wait for room.
 */
#ifndef CHANNEL_H
#define CHANNEL_H
#include "base/libos.h"

i64 send_msg(u16 type, u32 id, u32 arg, const void *head, u64 head_len, u64 body, u64 len); /* 0, -EAGAIN, -EFAULT */
i64 send_bytes(u16 type, u32 id, u64 buf, u64 n); /* memory of the guest, in packets; bytes sent, or as send_msg */
void console(const char *s, u64 n); /* of the libOS itself, on the guest's standard error */
int host_backlog(void); /* messages about connections wait: ask for no further connection */
void channel_flush(void); /* sends what waits, as far as there is room */
int host_poll(i64 timeout_ns, int want_out); /* -1: for ever. 1: something may have arrived */
#endif
