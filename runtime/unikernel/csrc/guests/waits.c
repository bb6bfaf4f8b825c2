/* Times and signal masks that calls are given: bad times are refused, masks hold while a call waits. Linux answers all
 * of these alike. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

enum { SET_SIZE = 8, NSEC = 1000000000 };

static volatile int handled;
static void handler(int sig) { handled += sig; }

static const struct timespec bad[] = { { 0, NSEC }, { 0, -1 }, { -1, 0 } };

/* A wait of 300 years must not wrap around to a short one: a timer of such a length is not due. */
static void times(void)
{
	sigset_t usr1;
	sigemptyset(&usr1), sigaddset(&usr1, SIGUSR1);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), ep = epoll_create1(0), fd;
	CHECK(timer >= 0 && ep >= 0);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct itimerspec value = { { 0, 0 }, bad[i] }, interval = { bad[i], { 1, 0 } };
		struct epoll_event ev;
		fd_set none;
		FD_ZERO(&none);
		FAILS(timerfd_settime(timer, 0, &value, NULL), EINVAL);
		FAILS(timerfd_settime(timer, 0, &interval, NULL), EINVAL);
		FAILS(syscall(SYS_ppoll, NULL, 0, &bad[i], NULL, SET_SIZE), EINVAL);
		FAILS(syscall(SYS_pselect6, 0, &none, NULL, NULL, &bad[i], NULL), EINVAL);
		FAILS(syscall(SYS_epoll_pwait2, ep, &ev, 1, &bad[i], NULL, SET_SIZE), EINVAL);
		FAILS(syscall(SYS_rt_sigtimedwait, &usr1, NULL, &bad[i], SET_SIZE), EINVAL);
		FAILS(syscall(SYS_nanosleep, &bad[i], NULL), EINVAL);
	}
	FAILS(timerfd_settime(timer, 1 << 20, &(struct itimerspec){ { 0, 0 }, { 1, 0 } }, NULL), EINVAL);
	FAILS(timerfd_create(12345, 0), EINVAL);
	FAILS(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	struct itimerspec ages = { { 0, 0 }, { 1ll << 40, 0 } };
	unsigned long long n;
	CHECK(timerfd_settime(timer, 0, &ages, NULL) == 0);
	usleep(2000);
	FAILS(read(timer, &n, sizeof n), EAGAIN);
	/* A moment of the real-time clock that lies further back than the start of the machine. */
	int real = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	CHECK(timerfd_settime(real, TFD_TIMER_ABSTIME, &(struct itimerspec){ { 0, 0 }, { 1, 0 } }, NULL) == 0);
	usleep(2000);
	CHECK(read(real, &n, sizeof n) == sizeof n);
	/* The alarm clock is the same clock; on Linux it needs CAP_WAKE_ALARM. */
	struct itimerspec passed = { { 0, 0 }, { 0, 0 } };
	int alarm = timerfd_create(CLOCK_REALTIME_ALARM, TFD_NONBLOCK);
	CHECK(clock_gettime(CLOCK_REALTIME, &passed.it_value) == 0);
	CHECK(alarm == -1 || timerfd_settime(alarm, TFD_TIMER_ABSTIME, &passed, NULL) == 0);
	usleep(20000);
	CHECK(alarm == -1 || read(alarm, &n, sizeof n) == sizeof n);

	CHECK((fd = open("/tmp/times", O_CREAT | O_RDWR, 0600)) >= 0);
	struct timespec stamps[2] = { { 5, 6 }, { 7, NSEC } };
	FAILS(futimens(fd, stamps), EINVAL);
	stamps[1].tv_nsec = -5;
	FAILS(futimens(fd, stamps), EINVAL);
	stamps[0].tv_nsec = UTIME_OMIT, stamps[1].tv_nsec = 8;
	struct stat st;
	CHECK(futimens(fd, stamps) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 7 && st.st_mtim.tv_nsec == 8);
	FAILS(utimensat(AT_FDCWD, "/tmp/times", stamps, 1 << 20), EINVAL);

	/* setsockopt: a negative time means not to wait. */
	int s[2];
	char c;
	struct timeval before = { -1, 0 };
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &before, sizeof before) == 0);
	FAILS(read(s[0], &c, 1), EAGAIN);
	/* A time-out bounds every call on the socket, and leaves alone what has gone by then. */
	struct timeval soon = { 0, 20000 };
	struct iovec v = { &c, 1 };
	static char large[8 << 20];
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0);
	FAILS(read(s[0], &c, 1), EAGAIN);
	FAILS(readv(s[0], &v, 1), EAGAIN);
	FAILS(recv(s[0], &c, 1, 0), EAGAIN);
	ssize_t sent = write(s[0], large, sizeof large);
	CHECK(sent > 0 && sent < (ssize_t)sizeof large);
	FAILS(write(s[0], &c, 1), EAGAIN);
	FAILS(send(s[0], &c, 1, 0), EAGAIN);
}

/* SIGUSR1 is blocked and pending: a call that unblocks the signal while it waits ends by the handler. */
#define INTERRUPTED(x) \
	do { \
		FAILS(x, EINTR); \
		once_more(); \
	} while (0)

static void once_more(void)
{
	CHECK(handled == SIGUSR1);
	sigset_t now;
	CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
	handled = 0;
	raise(SIGUSR1);
}

static void masks(void)
{
	sigset_t usr1, none, all;
	sigemptyset(&usr1), sigaddset(&usr1, SIGUSR1);
	sigemptyset(&none);
	sigfillset(&all);
	struct timespec second = { 1, 0 }, now = { 0, 0 };
	struct epoll_event ev;
	int ep = epoll_create1(0);
	signal(SIGUSR1, handler);
	CHECK(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
	raise(SIGUSR1);
	INTERRUPTED(ppoll(NULL, 0, &second, &none));
	INTERRUPTED(ppoll(NULL, 0, &now, &none));
	INTERRUPTED(pselect(0, NULL, NULL, NULL, &second, &none));
	INTERRUPTED(pselect(0, NULL, NULL, NULL, &now, &none));
	INTERRUPTED(epoll_pwait(ep, &ev, 1, 1000, &none));
	INTERRUPTED(syscall(SYS_epoll_pwait2, ep, &ev, 1, &second, &none, SET_SIZE));
	/* Under a mask that blocks the signal too, the time runs out. */
	now.tv_nsec = 5000000;
	CHECK(ppoll(NULL, 0, &now, &usr1) == 0 && pselect(0, NULL, NULL, NULL, &now, &usr1) == 0 && !handled);
	CHECK(epoll_pwait(ep, &ev, 1, 5, &all) == 0 && !handled);
	FAILS(syscall(SYS_ppoll, NULL, 0, &now, &usr1, SET_SIZE + 1), EINVAL);
	FAILS(syscall(SYS_epoll_pwait, ep, &ev, 1, 0, &usr1, SET_SIZE - 1), EINVAL);
	sigset_t still;
	CHECK(sigprocmask(SIG_BLOCK, NULL, &still) == 0 && sigismember(&still, SIGUSR1) && !sigismember(&still, SIGUSR2));
}

/* signal(7): the handler of another signal ends these waits, though it has SA_RESTART. A signalfd alone takes another
 * mask. */
static void waits_for_signals(void)
{
	sigset_t usr2;
	struct timespec ages = { 60, 0 };
	struct itimerval soon = { { 0, 0 }, { 0, 20000 } };
	int p[2], s;
	sigemptyset(&usr2), sigaddset(&usr2, SIGUSR2);
	CHECK(sigprocmask(SIG_BLOCK, &usr2, NULL) == 0);
	signal(SIGALRM, handler);
	handled = 0;
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	FAILS(sigtimedwait(&usr2, NULL, &ages), EINTR);
	CHECK(handled == SIGALRM);
	CHECK(pipe(p) == 0 && (s = signalfd(-1, &usr2, SFD_NONBLOCK)) >= 0 && signalfd(s, &usr2, 0) == s);
	FAILS(signalfd(p[0], &usr2, 0), EINVAL);
	FAILS(signalfd(999, &usr2, 0), EBADF);
}

/* FUTEX_WAKE_OP: both twelve-bit numbers have a sign. */
static void wake_op(void)
{
	int first = 0, second = 5;
	CHECK(syscall(SYS_futex, &first, FUTEX_WAKE_OP, 1, 1, &second, FUTEX_OP(FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_EQ, 5)) ==
		0);
	CHECK(second == 4);
	CHECK(syscall(SYS_futex, &first, FUTEX_WAKE_OP, 1, 1, &second, FUTEX_OP(FUTEX_OP_SET, 0x800, FUTEX_OP_CMP_LT, 0)) ==
		0);
	CHECK(second == -2048);
}

/* An entry of the longest name is whole. What fills it up tells nothing. */
static void longest_name(void)
{
	char path[300] = "/tmp/long", name[256], b[1024];
	CHECK(mkdir(path, 0700) == 0);
	memset(name, 'n', 255), name[255] = 0;
	strcat(strcat(path, "/"), name);
	CHECK(close(open(path, O_CREAT | O_RDWR, 0600)) == 0);
	int fd = open("/tmp/long", O_RDONLY | O_DIRECTORY), seen = 0;
	memset(b, 'x', sizeof b);
	long n = syscall(SYS_getdents64, fd, b, sizeof b);
	CHECK(n > 0);
	for (long at = 0; at < n;) {
		unsigned short len;
		memcpy(&len, b + at + 16, 2);
		if (!strcmp(b + at + 19, name)) {
			seen = 1;
			CHECK(len == 280);
			for (int i = 19 + 255; i < len; i++)
				CHECK(b[at + i] == 0 || (b[at + i] == 'x' && i > 19 + 255));
		}
		at += len;
	}
	CHECK(seen);
}

int main(void)
{
	times();
	masks();
	waits_for_signals();
	wake_op();
	longest_name();
	DONE();
}
