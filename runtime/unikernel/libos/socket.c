/* socket.c */
#include "state.h"
void net_message(struct uc_msg *m, const u8 *body) { (void)m, (void)body; }
i64 socket_read(struct file *f, u64 b, u64 n) { (void)f,(void)b,(void)n; return -EINVAL; }
i64 socket_write(struct file *f, u64 b, u64 n) { (void)f,(void)b,(void)n; return -EINVAL; }
u32 socket_poll(struct file *f) { (void)f; return 0; }
void socket_close(struct file *f) { (void)f; }
u32 file_seq(struct file *f) { (void)f; return (u32)S->changes; }
#define NO(n) i64 sys_##n(void) { return -EAFNOSUPPORT; }
NO(socket) NO(connect) NO(accept) NO(accept4) NO(sendto) NO(recvfrom) NO(sendmsg) NO(recvmsg) NO(shutdown) NO(bind) NO(listen)
NO(getsockname) NO(getpeername) NO(socketpair) NO(setsockopt) NO(getsockopt) NO(sendmmsg) NO(recvmmsg)
