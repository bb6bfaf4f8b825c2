/* host.h: what the libOS asks of the host, besides the channel and the clocks. */
#ifndef HOST_H
#define HOST_H
#include "base/libos.h"

/* Packet buffers at the foot of UC_STACK. The stack is outside of the region, so a snapshot has no
 * packet in flight. */
#define RX ((u8 *)UC_STACK)
#define TX ((u8 *)UC_STACK + UC_MSG_MAX)
_Static_assert(UC_STACK_SIZE >= 2 * UC_MSG_MAX + 65536, "packet buffers and 64 KB of stack");

_Noreturn void uc_end(u32 how, u32 id, const char *why);
_Noreturn void uc_panic(const char *what, u64 value);
i64 host_send(u64 len, int flags); /* the packet in TX; what sendto returned */
void host_asleep(void); /* the last thing before a sleep: the capture point begins */
void host_woke(void); /* the first thing after a sleep */
void host_entropy(void *p, u64 n);
i64 host_entropy_user(u64 dst, u64 n); /* n, or -EFAULT */
void host_discard(u64 start, u64 end); /* pages become zero; memory goes back to the host */
void host_set_fs(u64 fs);
#endif
