/* Signals that a process sends itself: handlers, masks, alternate stack, EINTR and restart, timers, a real fault. */
#include "check.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t hits, on_alt;
static char alt[65536];
static sigjmp_buf back;

static void count(int sig)
{
	char here;
	(void)sig;
	hits++;
	on_alt = &here >= alt && &here < alt + sizeof alt;
}

static void fault(int sig, siginfo_t *i, void *u)
{
	(void)u;
	CHECK(sig == SIGSEGV && i->si_addr == (void *)0x10);
	siglongjmp(back, 1);
}

static void *killer(void *arg)
{
	usleep(20000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

int main(void)
{
	struct sigaction a = { .sa_handler = count };
	sigset_t set, old;
	double x = 1.5; /* a floating point value must survive a handler */
	CHECK(sigaction(SIGUSR1, &a, NULL) == 0 && raise(SIGUSR1) == 0 && hits == 1 && x * 2 == 3.0);
	sigemptyset(&set), sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && kill(getpid(), SIGUSR1) == 0 && hits == 1);
	CHECK(sigpending(&set) == 0 && sigismember(&set, SIGUSR1));
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && hits == 2);
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof alt };
	a.sa_flags = SA_ONSTACK;
	CHECK(
		sigaltstack(&ss, NULL) == 0 && sigaction(SIGUSR1, &a, NULL) == 0 && raise(SIGUSR1) == 0 && hits == 3 && on_alt);
	pthread_t me = pthread_self(), t;
	struct timespec ts = { 5, 0 };
	CHECK(pthread_create(&t, NULL, killer, &me) == 0);
	FAILS(nanosleep(&ts, NULL), EINTR);
	pthread_join(t, NULL);
	int p[2];
	char c;
	a.sa_flags = SA_RESTART;
	CHECK(pipe(p) == 0 && sigaction(SIGALRM, &a, NULL) == 0);
	struct itimerval it = { { 0, 0 }, { 0, 20000 } };
	a.sa_flags = 0;
	CHECK(sigaction(SIGALRM, &a, NULL) == 0 && setitimer(ITIMER_REAL, &it, NULL) == 0);
	FAILS(read(p[0], &c, 1), EINTR);
	struct sigaction s = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	CHECK(sigaction(SIGSEGV, &s, NULL) == 0);
	for (int i = 0; i < 3; i++)
		if (!sigsetjmp(back, 1)) {
			*(volatile int *)0x10 = 1;
			CHECK(!"the fault was not delivered");
		}
	FAILS(sigaction(SIGKILL, &a, NULL), EINVAL);
	FAILS(kill(getpid() + 1, 0), ESRCH);
	DONE();
}
