/*
 * boot.c: the thinnest tender: boots one program in one UC, relays its console and its driver's stream, and exits with its
 * status. For the libOS's tests and for trying things by hand:
 *
 *     boot [-m bytes] [-s] [-t] [-n] -i image -l libos.elf [-e NAME=value]... /usr/bin/program argument...
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "uc_start.h"

static unsigned char packet[UC_MSG_MAX];

static void all(int fd, const void *p, size_t n)
{
	for (const char *c = p; n;) {
		ssize_t k = write(fd, c, n);
		if (k <= 0)
			return;
		c += k, n -= k;
	}
}

/* The world without -n, as a platform's whose allow list is empty: nothing listens on loopback, everything else is forbidden,
 * no name exists. */
static void empty_world(int fd, struct uc_msg *m)
{
	enum { DNS_PORT = 53, DNS_FLAGS = 2, RESPONSE = 0x80, NXDOMAIN = 3 };
	const struct uc_addr *to = (const void *)(m + 1);
	unsigned char *query = (void *)(to + 1);
	switch (m->type) {
	case UC_MSG_OPEN: {
		int loopback = to->family == 4 ? to->ip[0] == 127 : to->ip[15] == 1;
		*m = (struct uc_msg){ UC_MSG_OPENED, 0, m->id, loopback ? ECONNREFUSED : EACCES, 0 };
		send(fd, m, sizeof *m, MSG_NOSIGNAL);
		break;
	}
	case UC_MSG_DGRAM:
		if (to->port != DNS_PORT || m->len < sizeof *to + 12)
			break;
		query[DNS_FLAGS] |= RESPONSE;
		query[DNS_FLAGS + 1] = NXDOMAIN;
		send(fd, m, sizeof *m + m->len, MSG_NOSIGNAL);
	}
}

/* The world of -n: every connection is accepted by an echo, except to port 1 and to loopback, where nothing of the host's is
 * listed (refused); datagrams come back too, and so does credit: the echo keeps nothing, so it has room when the UC has. */
static void world(int fd, struct uc_msg *m)
{
	struct uc_addr self = { 4, 40000, { 10, 0, 2, 15 } };
	const struct uc_addr *to = (const void *)(m + 1);
	switch (m->type) {
	case UC_MSG_OPEN: {
		int refused = to->port == 1 || (to->family == 4 && to->ip[0] == 127);
		*m = (struct uc_msg){ UC_MSG_OPENED, 0, m->id, refused ? ECONNREFUSED : 0, refused ? 0 : sizeof self };
		memcpy(m + 1, &self, sizeof self);
		send(fd, m, sizeof *m + m->len, MSG_NOSIGNAL);
		break;
	}
	case UC_MSG_STREAM:
	case UC_MSG_CREDIT:
	case UC_MSG_FIN:
	case UC_MSG_DGRAM:
		send(fd, m, sizeof *m + m->len, MSG_NOSIGNAL);
	}
}

static int echo_world;

/* Until the UC ends: console to our own, driver bytes to stdout, stdin to the driver. */
static void relay(int fd)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { 0, POLLIN, 0 } };
	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents) {
			struct uc_msg *m = (void *)packet;
			ssize_t n = read(0, packet + sizeof *m, sizeof packet - sizeof *m);
			if (n <= 0)
				p[1].fd = -1;
			else {
				*m = (struct uc_msg){ UC_MSG_DATA, 0, 0, 0, n };
				send(fd, packet, sizeof *m + n, MSG_NOSIGNAL);
			}
		}
		if (!p[0].revents)
			continue;
		ssize_t n = recv(fd, packet, sizeof packet, 0);
		struct uc_msg *m = (void *)packet;
		if (n < (ssize_t)sizeof *m)
			return;
		if (m->type == UC_MSG_CONSOLE)
			all(m->id, packet + sizeof *m, m->len);
		else if (m->type == UC_MSG_DATA)
			all(1, packet + sizeof *m, m->len);
		else if (m->type == UC_MSG_EXIT && m->arg)
			fprintf(stderr, "uc: %.*s\n", (int)m->len, packet + sizeof *m);
		else if (echo_world)
			world(fd, m);
		else
			empty_world(fd, m);
	}
}

int main(int argc, char **argv)
{
	const char *image = NULL, *libos = NULL, *env[64];
	struct uc_start s = { .cpus = 1 };
	int c, ne = 0, sv[2];
	env[ne++] = "PATH=/usr/bin:/bin", env[ne++] = "HOME=/tmp", env[ne++] = "LANG=C.UTF-8";
	while ((c = getopt(argc, argv, "+m:stni:l:e:")) != -1)
		switch (c) {
		case 'm': s.mem_limit = strtoull(optarg, NULL, 0); break;
		case 's': s.flags |= UC_F_STRACE; break;
		case 'n': echo_world = 1; break;
		case 't': s.flags |= UC_F_TRACE; break;
		case 'i': image = optarg; break;
		case 'l': libos = optarg; break;
		case 'e': if (ne < 64) env[ne++] = optarg; break;
		default: return 2;
		}
	if (!image || !libos || optind == argc) {
		fprintf(stderr, "usage: boot [-m bytes] [-s] [-t] [-n] -i image -l libos.elf [-e NAME=value]... program argument...\n");
		return 2;
	}
	s.argv = argv + optind, s.argc = argc - optind, s.env = env, s.envc = ne;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv)) {
		perror("boot: socketpair");
		return 1;
	}
	pid_t pid = fork();
	if (!pid) {
		s.pid = getpid();
		const char *bad = uc_map_libos(libos);
		bad = bad ? bad : uc_map_image(image, &s.image_size);
		bad = bad ? bad : uc_map_region();
		if (bad) {
			fprintf(stderr, "boot: %s: %s\n", bad, strerror(errno));
			_exit(1);
		}
		dup2(sv[1], 100);
		dup2(100, UC_CHANNEL_FD);
		close_range(4, ~0u, 0);
		uc_start(&s, UC_BOOT);
	}
	close(sv[1]);
	relay(sv[0]);
	int status;
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "boot: the UC died of signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}
