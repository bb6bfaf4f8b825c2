/* splice, tee and vmsplice: between pipes, files, sockets and memory; positions; waiting; what Linux refuses. */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

static char b[200000];

static void *later(void *fd)
{
	usleep(20000);
	CHECK(write((int)(long)fd, "late", 4) == 4);
	return NULL;
}

static void *drain_later(void *fd)
{
	usleep(20000);
	CHECK(read((int)(long)fd, b, 65536) == 65536);
	return NULL;
}

static void files(void)
{
	int p[2], in = open("/tmp/splice-in", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int out = open("/tmp/splice-out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	loff_t at = 2, to = 10, bad = -1;
	CHECK(pipe(p) == 0 && in >= 0 && out >= 0 && write(in, "0123456789", 10) == 10);
	/* A position that is given moves; the file's own stays. */
	CHECK(splice(in, &at, p[1], NULL, 5, 0) == 5 && at == 7 && lseek(in, 0, SEEK_CUR) == 10);
	CHECK(splice(p[0], NULL, out, &to, 100, 0) == 5 && to == 15 && lseek(out, 0, SEEK_CUR) == 0);
	CHECK(pread(out, b, 100, 0) == 15 && !memcmp(b + 10, "23456", 5) && !b[9]);
	/* The files' own. */
	CHECK(lseek(in, 8, SEEK_SET) == 8 && splice(in, NULL, p[1], NULL, 100, SPLICE_F_MOVE | SPLICE_F_MORE) == 2);
	CHECK(lseek(in, 0, SEEK_CUR) == 10 && splice(in, NULL, p[1], NULL, 100, 0) == 0);
	CHECK(splice(p[0], NULL, out, NULL, 1, 0) == 1 && splice(p[0], NULL, out, NULL, 1, 0) == 1);
	CHECK(lseek(out, 0, SEEK_CUR) == 2 && pread(out, b, 2, 0) == 2 && !memcmp(b, "89", 2));
	/* The image, and no more than the pipe holds. */
	int image = open("/proc/self/exe", O_RDONLY);
	CHECK(
		image >= 0 && splice(image, NULL, p[1], NULL, 4, 0) == 4 && read(p[0], b, 9) == 4 && !memcmp(b, "\177ELF", 4));
	CHECK(
		ftruncate(in, 200000) == 0 && lseek(in, 0, SEEK_SET) == 0 && splice(in, NULL, p[1], NULL, 200000, 0) == 65536);
	FAILS(splice(in, NULL, p[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	/* /dev/null takes all. */
	int null = open("/dev/null", O_WRONLY);
	CHECK(splice(p[0], NULL, null, NULL, 65536, 0) == 65536);
	/* Refused. */
	int append = open("/tmp/splice-out", O_WRONLY | O_APPEND), dir = open("/tmp", O_RDONLY);
	int e = eventfd(0, EFD_NONBLOCK), nameless = open("/tmp", O_PATH);
	CHECK(write(p[1], "abcdefgh", 8) == 8);
	FAILS(splice(in, NULL, out, NULL, 1, 0), EINVAL);
	FAILS(splice(p[0], NULL, append, NULL, 1, 0), EINVAL);
	FAILS(splice(dir, NULL, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(p[0], NULL, e, NULL, 8, 0), EINVAL);
	FAILS(splice(e, NULL, p[1], NULL, 8, 0), EINVAL);
	FAILS(splice(p[0], NULL, out, NULL, 1, 16), EINVAL);
	FAILS(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(in, &bad, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(p[0], &at, out, NULL, 1, 0), ESPIPE);
	FAILS(splice(in, NULL, p[1], &at, 1, 0), ESPIPE);
	FAILS(splice(in, (loff_t *)8, p[1], NULL, 1, 0), EFAULT);
	FAILS(splice(append, NULL, p[1], NULL, 1, 0), EBADF);
	FAILS(splice(p[1], NULL, out, NULL, 1, 0), EBADF);
	FAILS(splice(nameless, NULL, p[1], NULL, 1, 0), EBADF);
	FAILS(splice(999, NULL, p[1], NULL, 1, 0), EBADF);
	CHECK(splice(999, NULL, 999, NULL, 0, 0) == 0 && read(p[0], b, 100) == 8);
	/* The end, and nobody who reads. */
	CHECK(close(p[1]) == 0 && splice(p[0], NULL, out, NULL, 1, 0) == 0 && close(p[0]) == 0);
	CHECK(pipe(p) == 0 && close(p[0]) == 0);
	FAILS(splice(in, NULL, p[1], NULL, 1, 0), EPIPE);
	close(p[1]), close(in), close(out), close(image), close(null), close(append), close(dir), close(e), close(nameless);
}

static void sockets(void)
{
	int p[2], s[2];
	loff_t at = 0;
	pthread_t t;
	CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(write(p[1], "hello", 5) == 5 && splice(p[0], NULL, s[0], NULL, 5, 0) == 5);
	CHECK(splice(s[1], NULL, p[1], NULL, 100, 0) == 5 && read(p[0], b, 100) == 5 && !memcmp(b, "hello", 5));
	FAILS(splice(s[1], &at, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(s[1], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(pthread_create(&t, NULL, later, (void *)(long)s[0]) == 0);
	CHECK(splice(s[1], NULL, p[1], NULL, 100, 0) == 4 && read(p[0], b, 100) == 4);
	CHECK(pthread_join(t, NULL) == 0 && fcntl(s[1], F_SETFL, O_NONBLOCK) == 0);
	FAILS(splice(s[1], NULL, p[1], NULL, 100, 0), EAGAIN);
	CHECK(close(s[0]) == 0 && splice(s[1], NULL, p[1], NULL, 100, 0) == 0);
	CHECK(write(p[1], "x", 1) == 1);
	FAILS(splice(p[0], NULL, s[1], NULL, 1, 0), EPIPE);
	close(p[0]), close(p[1]), close(s[1]);
}

static void pipes(void)
{
	int p[2], q[2];
	pthread_t t;
	CHECK(pipe(p) == 0 && pipe(q) == 0);
	CHECK(write(p[1], "abcdef", 6) == 6 && tee(p[0], q[1], 4, 0) == 4 && read(q[0], b, 100) == 4 &&
		!memcmp(b, "abcd", 4));
	CHECK(splice(p[0], NULL, q[1], NULL, 100, 0) == 6 && read(q[0], b, 100) == 6 && !memcmp(b, "abcdef", 6));
	/* Waiting for bytes, and for room. */
	FAILS(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(pthread_create(&t, NULL, later, (void *)(long)p[1]) == 0 && tee(p[0], q[1], 100, 0) == 4);
	CHECK(pthread_join(t, NULL) == 0 && read(q[0], b, 100) == 4 && read(p[0], b, 100) == 4 && !memcmp(b, "late", 4));
	CHECK(write(q[1], b, 65536) == 65536 && write(p[1], "z", 1) == 1);
	FAILS(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(pthread_create(&t, NULL, drain_later, (void *)(long)q[0]) == 0 && splice(p[0], NULL, q[1], NULL, 9, 0) == 1);
	CHECK(pthread_join(t, NULL) == 0 && read(q[0], b, 100) == 1 && b[0] == 'z');
	CHECK(fcntl(q[1], F_SETFL, O_NONBLOCK) == 0);
	FAILS(splice(p[0], NULL, q[1], NULL, 1, 0), EAGAIN);
	/* Refused. */
	int f = open("/tmp/splice-in", O_RDWR);
	FAILS(tee(p[0], p[1], 1, 0), EINVAL);
	FAILS(tee(f, p[1], 1, 0), EINVAL);
	FAILS(tee(p[0], q[1], 1, 16), EINVAL);
	FAILS(tee(p[1], q[1], 1, 0), EBADF);
	CHECK(tee(p[0], q[1], 0, 0) == 0 && close(p[1]) == 0 && tee(p[0], q[1], 1, 0) == 0);
	close(p[0]), close(q[0]), close(q[1]), close(f);
}

static void memory(void)
{
	int p[2], f = open("/tmp/splice-in", O_RDWR);
	struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } }, in[2] = { { b, 4 }, { b + 10, 100 } };
	struct iovec large = { b, sizeof b };
	CHECK(pipe(p) == 0 && vmsplice(p[1], out, 3, 0) == 5);
	memset(b, 0, sizeof b);
	CHECK(vmsplice(p[0], in, 2, 0) == 5 && !memcmp(b, "abcd", 4) && b[10] == 'e');
	FAILS(vmsplice(p[0], in, 2, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(vmsplice(p[1], out, 0, 0) == 0);
	FAILS(vmsplice(f, out, 1, 0), EBADF);
	FAILS(vmsplice(999, out, 1, 0), EBADF);
	FAILS(vmsplice(p[1], out, 1, 16), EINVAL);
	FAILS(vmsplice(p[1], out, 2000, 0), EINVAL);
	FAILS(vmsplice(p[1], (struct iovec *)8, 1, 0), EFAULT);
	ssize_t n = vmsplice(p[1], &large, 1, 0);
	CHECK(n > 0 && n <= 65536 && read(p[0], b, sizeof b) == n);
	CHECK(close(p[0]) == 0);
	FAILS(vmsplice(p[1], out, 1, 0), EPIPE);
	close(p[1]), close(f);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	files();
	sockets();
	pipes();
	memory();
	CHECK(unlink("/tmp/splice-in") == 0 && unlink("/tmp/splice-out") == 0);
	DONE();
}
