/*
 * schedule.h: who runs next, for entry.c, which alone calls it: whoever gives the processor away
 * returns PARKED.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H
#include "base/libos.h"

int schedule(void); /* loads a thread that can run into the frame; 0: none can before a message comes */
void preempt(void); /* after a tick: another thread's turn */
#endif
