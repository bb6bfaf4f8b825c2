/*
 * inbox.h: what the UC hears on its channel.
 *
 * host_receive looks without waiting; host_received is for whoever has slept in recvfrom already.
 */
#ifndef INBOX_H
#define INBOX_H
#include "base/libos.h"

/* Who takes the messages that are not the driver's bytes. exec.c enters the table into the state. */
struct inbox_ops {
	void (*file)(const u8 *records, u64 n); /* UC_MSG_FILE: of the function's package */
	void (*connection)(struct uc_msg *m, const u8 *body); /* all others: what the tender says of a connection */
};

int host_receive(void); /* takes in what messages there are; 1 if any */
int host_received(i64 n); /* takes in one, or the error of its recvfrom; 1: a message */
#endif
