/* sendfile: from the image and tmpfs to a socket, a pipe and a file, with and without an offset; blocking, and not. */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#define SIZE (1 << 20)
static char content[SIZE], got[SIZE];

static void *drain(void *fd)
{
	size_t n = 0;
	for (ssize_t k; (k = read((int)(long)fd, got + n, sizeof got - n)) > 0;)
		n += k;
	return (void *)n;
}

static void whole(int in, int to, int from, int is_pipe)
{
	pthread_t t;
	void *n;
	memset(got, 0, sizeof got);
	CHECK(pthread_create(&t, NULL, drain, (void *)(long)from) == 0);
	CHECK(lseek(in, 0, SEEK_SET) == 0);
	ssize_t first = sendfile(to, in, NULL, SIZE + 1000);
	CHECK(first == (is_pipe ? 65536 : SIZE) && lseek(in, 0, SEEK_CUR) == first);
	for (ssize_t k; (k = sendfile(to, in, NULL, SIZE));)
		CHECK(k > 0);
	CHECK(close(to) == 0 && pthread_join(t, &n) == 0 && (size_t)n == SIZE && !memcmp(got, content, SIZE));
	close(from);
}

static void to_files(int in, int image)
{
	off_t at = 10;
	char b[100];
	int out = open("/tmp/out", O_RDWR | O_CREAT, 0600);
	CHECK(lseek(in, 3, SEEK_SET) == 3 && sendfile(out, in, &at, 50) == 50 && at == 60 && lseek(in, 0, SEEK_CUR) == 3);
	CHECK(lseek(out, 0, SEEK_CUR) == 50 && sendfile(out, in, NULL, 20) == 20 && lseek(in, 0, SEEK_CUR) == 23);
	CHECK(pread(out, b, 100, 0) == 70 && !memcmp(b, content + 10, 50) && !memcmp(b + 50, content + 3, 20));
	/* A file onto itself: what it grows by moves its bytes. */
	at = 0;
	CHECK(ftruncate(out, 0) == 0 && pwrite(out, content, 60000, 0) == 60000 && lseek(out, 60000, SEEK_SET) == 60000);
	CHECK(sendfile(out, out, &at, 60000) == 60000 && pread(out, got, SIZE, 0) == 120000);
	CHECK(!memcmp(got, content, 60000) && !memcmp(got + 60000, content, 60000));
	at = SIZE;
	CHECK(sendfile(out, in, &at, 5) == 0 && at == SIZE && sendfile(out, in, NULL, 0) == 0);
	at = 1;
	CHECK(ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0 && sendfile(out, image, &at, 3) == 3);
	CHECK(pread(out, b, 9, 0) == 3 && !memcmp(b, "ELF", 3));
	int proc = open("/proc/self/comm", O_RDONLY);
	FAILS(sendfile(out, proc, NULL, 100), EINVAL);
}

static void refused(int in)
{
	off_t at = -1, zero = 0;
	int p[2], append = open("/tmp/out", O_WRONLY | O_APPEND);
	int dir = open("/tmp", O_RDONLY), ro = open("/tmp/out", O_RDONLY);
	CHECK(pipe(p) == 0);
	FAILS(sendfile(p[1], in, &at, 1), EINVAL);
	FAILS(sendfile(p[1], in, (off_t *)8, 1), EFAULT);
	FAILS(sendfile(p[1], p[0], NULL, 1), EINVAL);
	FAILS(sendfile(p[1], p[0], &zero, 1), ESPIPE);
	FAILS(sendfile(p[1], dir, NULL, 1), EINVAL);
	FAILS(sendfile(append, in, NULL, 1), EINVAL);
	FAILS(sendfile(eventfd(0, 0), in, NULL, 8), EINVAL);
	FAILS(sendfile(ro, in, NULL, 1), EBADF);
	FAILS(sendfile(p[1], append, NULL, 1), EBADF);
	FAILS(sendfile(999, in, NULL, 1), EBADF);
	FAILS(sendfile(p[1], 999, NULL, 1), EBADF);
	/* Not blocking: what fits, then EAGAIN. */
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	CHECK(lseek(in, 0, SEEK_SET) == 0 && sendfile(p[1], in, NULL, SIZE) == 65536 && lseek(in, 0, SEEK_CUR) == 65536);
	FAILS(sendfile(p[1], in, NULL, 1), EAGAIN);
	CHECK(read(p[0], got, SIZE) == 65536 && !memcmp(got, content, 65536) && close(p[0]) == 0);
	FAILS(sendfile(p[1], in, NULL, 1), EPIPE);
}

static void nothing(int sig) { (void)sig; }

/* A signal ends a call that has moved some bytes with their number, whether the handler restarts calls or not. */
static void interrupted(int in)
{
	struct sigaction a = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct itimerval soon = { { 0, 0 }, { 0, 20000 } };
	int sv[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0 && sigaction(SIGALRM, &a, NULL) == 0 &&
		setitimer(ITIMER_REAL, &soon, NULL) == 0);
	CHECK(lseek(in, 7, SEEK_SET) == 7);
	ssize_t n = sendfile(sv[0], in, NULL, SIZE);
	CHECK(n > 0 && n < SIZE - 7 && lseek(in, 0, SEEK_CUR) == 7 + n);
	CHECK(recv(sv[1], got, n, MSG_WAITALL) == n && !memcmp(got, content + 7, n) &&
		recv(sv[1], got, 1, MSG_DONTWAIT) == -1);
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0 && (n = write(sv[0], content, SIZE)) > 0 && n < SIZE);
}

int main(void)
{
	int sv[2], p[2], in = open("/tmp/in", O_RDWR | O_CREAT, 0600), image = open("/guest/sendfile", O_RDONLY);
	for (int i = 0; i < SIZE; i++)
		content[i] = i * 31 + (i >> 8);
	signal(SIGPIPE, SIG_IGN);
	CHECK(in >= 0 && image >= 0 && write(in, content, SIZE) == SIZE);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0 && pipe(p) == 0);
	whole(in, sv[0], sv[1], 0);
	whole(in, p[1], p[0], 1);
	to_files(in, image);
	refused(in);
	interrupted(in);
	DONE();
}
