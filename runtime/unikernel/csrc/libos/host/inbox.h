/*
 * inbox.h: what the UC hears on its channel.
 *
 * host_receive looks without waiting; host_received is for whoever has slept in recvfrom already.
 */
#ifndef INBOX_H
#define INBOX_H
#include "core/libos.h"

int host_receive(void); /* takes in what messages there are; 1 if any */
int host_received(i64 n); /* takes in one, or the error of its recvfrom; 1: a message */
#endif
