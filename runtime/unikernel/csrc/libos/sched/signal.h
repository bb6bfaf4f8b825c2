/* signal.h: what entry.c and sched.c ask of signal.c. */
#ifndef SIGNAL_H
#define SIGNAL_H

#include "core/state.h"

void signal_deliver(void);                       /* to the thread in the frame, if something is pending and not blocked */
void signal_fault(int sig, u64 addr, i32 code);  /* the running thread's own instruction faulted */
void signal_timers(void);                        /* ITIMER_REAL that has run out */
void signal_tick(void);                          /* likewise those that count CPU time; on every tick */
struct thread *thread_by_tid(u64 tid);           /* NULL: none */
int signal_interrupts(struct thread *t);         /* a handler would run: a blocked call must end */
int signal_restarts(struct thread *t);           /* … and all such handlers have SA_RESTART */
#endif
