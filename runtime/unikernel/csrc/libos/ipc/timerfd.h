/*
 * timerfd.h: timers that are read like files, for the scheduler, which must not sleep beyond the
 * first of them.
 */
#ifndef TIMERFD_H
#define TIMERFD_H
#include "base/libos.h"

void timerfd_deadlines(u64 *best); /* *best becomes the first deadline of an armed timer, if that is earlier; 0: none */
#endif
