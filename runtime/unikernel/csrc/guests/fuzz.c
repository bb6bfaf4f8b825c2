/*
 * Random calls with random arguments, half of them plausible: the libOS must answer every one. fuzz SEED ROUNDS.
 * Left out are only the calls by which a program ends or unhinges itself (exit, clone, sigreturn, signals, its own
 * TLS).
 */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define ARENA ((char *)0x2500000000)
#define SIZE (1ul << 20)

static uint64_t x = 88172645463325252ull;
static uint64_t rnd(void) { return x ^= x << 13, x ^= x >> 7, x ^= x << 17; }

static int left_out(long n)
{
	static const short out[] = { SYS_exit, SYS_exit_group, SYS_clone, SYS_clone3, SYS_rt_sigreturn, SYS_rt_sigaction,
		SYS_rt_sigprocmask, SYS_sigaltstack, SYS_rt_sigsuspend, SYS_setitimer, SYS_alarm, SYS_arch_prctl, SYS_kill,
		SYS_tkill, SYS_tgkill, SYS_close_range, SYS_rt_sigtimedwait, SYS_brk, SYS_epoll_pwait, SYS_epoll_pwait2,
		SYS_set_tid_address };
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		if (out[i] == n)
			return 1;
	/* uretprobe and uprobe pass every seccomp filter since Linux 6.14, and kill whoever is not the kernel's
	 * trampoline. */
	return n == 335 || n == 336;
}

static void fresh(void)
{
	static const char *const names[] = { "/tmp/a", "/tmp/b/c", "/tmp/b", "/proc/self/maps", "/proc/self/fd",
		"/dev/urandom", "/tmp/a/../b", "/", "..", "/guest/fuzz", "/tmp/long/long/long", "/dev/shm/x", "" };
	mmap(ARENA, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (int i = 0; i < 4096; i += 8)
		*(uint64_t *)(ARENA + 65536 + i) = rnd() & (rnd() % 2 ? 0xff : ~0ull);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		strcpy(ARENA + 256 * i, names[i]);
	struct {
		void *p;
		size_t n;
	} v[8] = { { ARENA, 10 }, { ARENA + 4096, 5000 }, { (void *)8, 8 }, { ARENA, ~0ul } };
	memcpy(ARENA + 32768, v, sizeof v);
}

static uint64_t argument(void)
{
	switch (rnd() % 12) {
	case 0: return rnd();
	case 1: return -1ull;
	case 2: return 0;
	case 3:
	case 4: return 3 + rnd() % 28; /* descriptors */
	case 5: return rnd() % 4096;
	case 6: return (uint64_t)ARENA + 256 * (rnd() % 16); /* names */
	case 7: return (uint64_t)ARENA + 4096 * (rnd() % 256);
	case 8: return (uint64_t)ARENA + rnd() % SIZE;
	/* Never the address of the libOS's state: a guest may harm itself, and that is no defect. */
	case 9: return 1ull << (rnd() % 27 + rnd() % 2 * 37);
	case 10: return (uint64_t)ARENA + 32768;
	default: return -100; /* AT_FDCWD */
	}
}

static void tick(int sig) { (void)sig; }

int main(int argc, char **argv)
{
	long rounds = argc > 2 ? atol(argv[2]) : 20000;
	x += argc > 1 ? strtoull(argv[1], NULL, 0) * 0x9e3779b97f4a7c15ull : 0;
	struct sigaction a = { .sa_handler = tick };
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } };
	sigaction(SIGALRM, &a, NULL); /* no SA_RESTART: every sleep ends */
	signal(SIGPIPE, SIG_IGN);
	setitimer(ITIMER_REAL, &it, NULL);
	int out = fcntl(1, F_DUPFD, 1000); /* the calls below may close and replace 1 */
	for (long i = 0; i < rounds; i++) {
		if (i % 64 == 0)
			fresh();
		long n = rnd() % 460;
		if (left_out(n))
			continue;
		uint64_t b[6];
		for (int k = 0; k < 6; k++)
			b[k] = argument();
		/* Its own code and stack are out of bounds. */
		if ((n == SYS_munmap || n == SYS_mprotect || n == SYS_mremap || n == SYS_madvise ||
				(n == SYS_mmap && b[3] & MAP_FIXED)) &&
			(b[0] < (uint64_t)ARENA || b[0] >= (uint64_t)ARENA + SIZE || b[1] > SIZE))
			continue;
		syscall(n, b[0], b[1], b[2], b[3], b[4], b[5]);
	}
	dup2(out, 1);
	DONE();
}
