/*
 * A pointer whose memory ends half-way: what a call changes before the fault, its result tells.
 *
 * In a UC memory ends where its region does, so the page below that border is the one whose neighbour faults.
 */
#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define BORDER ((char *)0x40000000) /* UC_LOW_END */
#define NOWHERE ((void *)8)

static int hits;
static void hit(int sig) { hits++; }

static int next_fd(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

/* struct kernel_sigaction: the handler is readable, flags, restorer and mask are not. */
static void a_signals_action(void)
{
	signal(SIGUSR1, hit);
	memset(BORDER - 8, 0, 8);
	FAILS(syscall(SYS_rt_sigaction, SIGUSR1, BORDER - 8, NULL, 8), EFAULT);
	CHECK(raise(SIGUSR1) == 0 && hits == 1);
}

static void a_threads_name(void)
{
	char name[16];
	CHECK(prctl(PR_SET_NAME, "before") == 0);
	memset(BORDER - 4, 'x', 4);
	FAILS(prctl(PR_SET_NAME, BORDER - 4), EFAULT);
	CHECK(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "before"));
}

/* What was copied before the fault is written, and told. */
static void a_files_bytes(void)
{
	char b[16] = { 0 };
	int fd = open("/tmp/halfway", O_RDWR | O_CREAT, 0600);
	memcpy(BORDER - 4, "1234", 4);
	CHECK(write(fd, "abcdefgh", 8) == 8 && pwrite(fd, BORDER - 4, 8, 6) == 4);
	FAILS(pwrite(fd, BORDER, 8, 0), EFAULT);
	CHECK(pread(fd, b, sizeof b, 0) == 10 && !memcmp(b, "abcdef1234", 10));
	close(fd);
	CHECK(unlink("/tmp/halfway") == 0);
}

/* A datagram that has nowhere to go is lost; the next one is whole. */
static void a_datagram(void)
{
	char b[16];
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = { AF_INET, 0, { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;
	CHECK(bind(s, (void *)&a, n) == 0 && getsockname(s, (void *)&a, &n) == 0 && connect(s, (void *)&a, n) == 0);
	CHECK(write(s, "first", 5) == 5 && write(s, "second", 6) == 6);
	FAILS(read(s, NOWHERE, 5), EFAULT);
	CHECK(read(s, b, sizeof b) == 6 && !memcmp(b, "second", 6));
	close(s);
}

/* Lengths whose sum wraps around are no short datagram. */
static void a_datagrams_length(void)
{
	int p[2];
	char b[32] = "0123456789";
	struct iovec v[2] = { { b, -10 }, { b, 20 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0 && sendmsg(p[0], &m, 0) == -1);
	CHECK(send(p[0], b, 10, 0) == 10 && recv(p[1], b, sizeof b, 0) == 10);
	close(p[0]), close(p[1]);
}

static void a_pair_of_descriptors(void)
{
	int fd = next_fd();
	FAILS(syscall(SYS_pipe2, NOWHERE, 0), EFAULT);
	FAILS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NOWHERE), EFAULT);
	CHECK(next_fd() == fd);
}

/* A connection whose peer cannot be told is closed. */
static void a_connection(void)
{
	char b;
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = { AF_INET, 0, { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;
	CHECK(bind(l, (void *)&a, n) == 0 && listen(l, 4) == 0 && getsockname(l, (void *)&a, &n) == 0);
	CHECK(connect(c, (void *)&a, n) == 0);
	int fd = next_fd();
	FAILS(accept(l, NOWHERE, &n), EFAULT);
	CHECK(next_fd() == fd && read(c, &b, 1) == 0);
	close(l), close(c);
}

/* Entries that were told are not lost: the first call tells of one, the second of the other. */
static void a_directorys_entries(void)
{
	char b[4096];
	CHECK(mkdir("/tmp/halfway", 0700) == 0); /* "." and "..", of 24 bytes each */
	int fd = open("/tmp/halfway", O_RDONLY | O_DIRECTORY);
	CHECK(syscall(SYS_getdents64, fd, BORDER - 24, sizeof b) == 24);
	CHECK(syscall(SYS_getdents64, fd, b, sizeof b) == 24);
	close(fd);
	CHECK(rmdir("/tmp/halfway") == 0);
}

int main(void)
{
	CHECK(mmap(BORDER - 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		BORDER - 4096);
	a_signals_action();
	a_threads_name();
	a_files_bytes();
	a_datagram();
	a_datagrams_length();
	a_pair_of_descriptors();
	a_connection();
	a_directorys_entries();
	DONE();
}
