/* Calls that few programs make, as Linux answers them: named pipes, files without a name, CPU timers, priorities,
 * copying. */
#include "check.h"
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static void *speak(void *name)
{
	int w = open(name, O_WRONLY);
	CHECK(w >= 0 && write(w, "through", 7) == 7);
	close(w);
	return NULL;
}

static void fifos(void)
{
	char b[16];
	struct stat st;
	pthread_t t;
	CHECK(mkfifo("/tmp/fifo", 0600) == 0 && stat("/tmp/fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	FAILS(mkfifo("/tmp/fifo", 0600), EEXIST);
	FAILS(open("/tmp/fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK(pthread_create(&t, NULL, speak, "/tmp/fifo") == 0);
	int r = open("/tmp/fifo", O_RDONLY);
	CHECK(r >= 0 && read(r, b, sizeof b) == 7 && read(r, b, sizeof b) == 0);
	pthread_join(t, NULL);
	close(r);
	/* Nothing is lost, whichever end opens first; on Linux the writer waits in its open. */
	CHECK(pthread_create(&t, NULL, speak, "/tmp/fifo") == 0);
	usleep(100000);
	r = open("/tmp/fifo", O_RDONLY);
	CHECK(r >= 0 && read(r, b, sizeof b) == 7 && read(r, b, sizeof b) == 0);
	pthread_join(t, NULL);
	close(r);
	CHECK(unlink("/tmp/fifo") == 0);
	if (geteuid())
		FAILS(mknod("/tmp/device", S_IFCHR | 0600, 0), EPERM);
}

static void nameless(void)
{
	char b[16];
	loff_t from = 1, to = 0;
	int m = memfd_create("m", MFD_CLOEXEC);
	CHECK(m >= 0 && fcntl(m, F_GETFD) == FD_CLOEXEC && ftruncate(m, 4096) == 0);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0) != MAP_FAILED);
	close(m);
	m = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	int t = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	CHECK(m >= 0 && t >= 0);
	CHECK(write(m, "hello", 5) == 5 && ftruncate(m, 4) == 0);
	CHECK(copy_file_range(m, &from, t, &to, 100, 0) == 3 && from == 4 && to == 3 && pread(t, b, sizeof b, 0) == 3 &&
		!memcmp(b, "ell", 3));
	close(m), close(t);
}

static volatile sig_atomic_t alarms;

static void count(int sig) { alarms++; }

static void timers(void)
{
	struct itimerval v = { { 0, 10000 }, { 0, 10000 } }, now;
	CHECK(signal(SIGPROF, count) != SIG_ERR && signal(SIGVTALRM, count) != SIG_ERR);
	CHECK(
		setitimer(ITIMER_PROF, &v, NULL) == 0 && getitimer(ITIMER_PROF, &now) == 0 && now.it_interval.tv_usec >= 10000);
	time_t end = time(NULL) + 30;
	while (alarms < 3 && time(NULL) < end)
		;
	CHECK(alarms >= 3);
	memset(&v, 0, sizeof v);
	CHECK(setitimer(ITIMER_PROF, &v, NULL) == 0);
	v.it_value.tv_usec = 2000000;
	FAILS(setitimer(ITIMER_REAL, &v, NULL), EINVAL);
}

static void priorities(void)
{
	cpu_set_t set;
	gid_t groups[2] = { 5, 7 }, got[8];
	CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_OTHER) == 0);
	FAILS(sched_getscheduler(-1), EINVAL);
	FAILS(sched_getaffinity(-1, sizeof set, &set), ESRCH);
	CPU_ZERO(&set);
	FAILS(sched_setaffinity(0, sizeof set, &set), EINVAL);
	errno = 0;
	int before = getpriority(PRIO_PROCESS, 0);
	CHECK(errno == 0 && setpriority(PRIO_PROCESS, 0, before + 1) == 0 && getpriority(PRIO_PROCESS, 0) == before + 1);
	if (setgroups(2, groups) == 0)
		CHECK(getgroups(8, got) == 2 && got[1] == 7);
	int p = syscall(SYS_pidfd_open, getpid(), 0);
	CHECK(p >= 0 && syscall(SYS_pidfd_send_signal, p, 0, NULL, 0) == 0);
	close(p);
}

int main(void)
{
	fifos();
	nameless();
	timers();
	priorities();
	DONE();
}
