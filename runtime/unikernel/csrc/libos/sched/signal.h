/*
 * signal.h: signals of the guest.
 *
 * A set of signals is one word: bit sig - 1, as in the guest's sigset_t. signal.c delivers,
 * itimer.c and the callers of kill make them pending.
 */
#ifndef SIGNAL_H
#define SIGNAL_H
#include "base/libos.h"

#define SIGNALS 64 /* 1 to 64; 32 and up are real-time signals, which do not queue here */
#define SIGBIT(sig) (1ull << ((sig)-1))
#define NEVER_BLOCKED (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

struct thread;
struct ksigaction {
	u64 handler, flags, restorer, mask;
}; /* struct kernel_sigaction of x86-64 */
struct cpu_timer {
	u64 deadline, interval, seen;
}; /* in nanoseconds of CPU time; 0: not armed */

/* signal.c */
void signal_deliver(void); /* to the thread in the frame, if something is pending and not blocked */
void signal_fault(int sig, u64 addr, i32 code); /* the running thread's own instruction faulted */
_Noreturn void signal_die(int sig, u64 rip, u64 addr); /* the UC ends; rip and addr for people */
int signal_waits(void); /* signal_deliver has work */
int signal_interrupts(struct thread *t); /* a handler would run: a blocked call must end */
int signal_restarts(struct thread *t); /* … and all such handlers have SA_RESTART */
void raise_sigpipe(void); /* at the running thread */

/* sigcalls.c */
i64 signal_post(struct thread *t, u64 sig); /* to thread t, NULL: to the process; 0 or -EINVAL */

/* … and the signal mask of a call that waits under another one than its thread's (ppoll(2)) */
struct wait_mask {
	u64 set;
	u32 given; /* 0: the thread's own mask stays */
};
i64 signal_wait_mask(u64 p, u64 size, struct wait_mask *m); /* from the guest; 0 or -errno */
void signal_wait_under(u64 set); /* until the running thread's call ends */

/* itimer.c */
void signal_timers(void); /* ITIMER_REAL that has run out */
void signal_tick(void); /* likewise those that count CPU time; on every tick */
#endif
