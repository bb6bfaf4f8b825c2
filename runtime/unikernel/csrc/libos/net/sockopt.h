/*
 * sockopt.h: options of sockets. A value is at most two words: struct linger is the longest that is
 * kept.
 */
#ifndef SOCKOPT_H
#define SOCKOPT_H
#include "net/socket.h"

#define OPTIONS_MAX 16 /* that one socket remembers */
struct option {
	u16 level, name;
	i32 value[2];
}; /* level 0 and name 0: free */

i32 option_value(const struct sock *s, u64 level, u64 name);
#endif
