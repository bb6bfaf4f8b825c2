/* Rewritten calls (csrc/libos/core/rewrite.c): the code is changed, and nothing but its speed differs. */
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>

/* Calls whose code can be looked at. */
extern unsigned char read_site[], write_site[], ppid_site[], pid_site[];
long read_here(int fd, void *p, size_t n);
long write_here(int fd, const void *p, size_t n);
long ppid_here(void), pid_here(void);
__asm__(".text\n"
		"read_here:\n nop\nread_site: mov $0,%eax\n syscall\n ret\n"
		"write_here:\n nop\nwrite_site: mov $1,%eax\n syscall\n ret\n"
		"ppid_here:\n nop\nppid_site: mov $110,%eax\n syscall\n ret\n"
		/* The same five bytes as the end of another instruction, mov to r8d: not a call's first instruction. */
		"pid_here:\n mov $39,%eax\n .byte 0x41\npid_site: mov $39,%eax\n syscall\n ret\n");

/* The other forms: the end of syscall(3); read(2) and another call with the descriptor restored in between. */
extern unsigned char sixth_site[], kept_site[], loop_site[], far_site[];
long any_here(long nr, const void *a);
long kept_here(int fd, void *p, size_t n);
long loop_here(int fd, void *p, size_t n); /* its second instruction begins a loop, so it stays */
long far_here(int fd);
__asm__("any_here:\n mov %rdi,%rax\n mov %rsi,%rdi\nsixth_site: mov 8(%rsp),%r9\n syscall\n ret\n"
		"kept_here:\n sub $24,%rsp\n mov %edi,8(%rsp)\n mov $99,%edi\n"
		"kept_site: mov 8(%rsp),%edi\n xor %eax,%eax\n syscall\n cmp $-4096,%rax\n ja 1f\n1: add $24,%rsp\n ret\n"
		"loop_here:\n sub $24,%rsp\n mov %edi,8(%rsp)\n mov $99,%edi\n"
		"loop_site: mov 8(%rsp),%edi\n2: xor %eax,%eax\n syscall\n cmp $-4,%rax\n je 2b\n add $24,%rsp\n ret\n"
		"far_here:\n sub $24,%rsp\n mov %edi,4(%rsp)\n mov $99,%edi\n"
		"far_site: mov $3,%eax\n mov 4(%rsp),%edi\n syscall\n add $24,%rsp\n ret\n");

/* Everything that a system call leaves alone: 0 if it did. */
int spoiled(void);
__asm__(
	"spoiled:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov $1,%ebx\n mov $2,%ebp\n mov $3,%r12d\n mov $4,%r13d\n mov $5,%r14d\n mov $6,%r15d\n"
	"mov $7,%edi\n mov $8,%esi\n mov $9,%edx\n mov $10,%r8d\n mov $11,%r9d\n mov $12,%r10d\n"
	"movq %rdx,%xmm0\n movq $99,-8(%rsp)\n movq $98,-128(%rsp)\n"
	"nop\n mov $110,%eax\n syscall\n"
	"movq %xmm0,%rcx\n xor $9,%rcx\n mov $0,%eax\n or %rcx,%rax\n"
	"xor $1,%rbx\n or %rbx,%rax\n xor $2,%rbp\n or %rbp,%rax\n"
	"xor $3,%r12\n or %r12,%rax\n xor $4,%r13\n or %r13,%rax\n"
	"xor $5,%r14\n or %r14,%rax\n xor $6,%r15\n or %r15,%rax\n"
	"xor $7,%rdi\n or %rdi,%rax\n xor $8,%rsi\n or %rsi,%rax\n"
	"xor $9,%rdx\n or %rdx,%rax\n xor $10,%r8\n or %r8,%rax\n xor $11,%r9\n or %r9,%rax\n xor $12,%r10\n or %r10,%rax\n"
	"mov -8(%rsp),%rcx\n xor $99,%rcx\n or %rcx,%rax\n mov -128(%rsp),%rcx\n xor $98,%rcx\n or %rcx,%rax\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"test %rax,%rax\n mov $0,%eax\n setnz %al\n ret\n");

static volatile int caught, turn;
static void count(int sig) { caught++; }

static void on(int sig, int flags)
{
	struct sigaction a = { .sa_handler = count, .sa_flags = flags };
	sigaction(sig, &a, NULL);
}

static void *takes_its_turn(void *arg)
{
	for (int i = 0; i < 5; i++) {
		while (turn != 1)
			ppid_here(); /* the tick alone makes it give way */
		turn = 0;
	}
	return arg;
}

static int p[2];
static void *writes(void *arg)
{
	static char block[1 << 20];
	for (int i = 0; i < 4; i++) {
		memset(block, i, sizeof block);
		CHECK(write_here(p[1], block, sizeof block) == sizeof block); /* 16 times the pipe */
	}
	close(p[1]);
	return arg;
}

static void *writes_late(void *arg)
{
	usleep(60000); /* the itimer has interrupted the reader by then */
	CHECK(write_here(p[1], "x", 1) == 1);
	return arg;
}

int main(void)
{
	pthread_t t;
	static char b[100001];
	CHECK(ppid_here() == 1 && ppid_site[0] == 0xe9 && ppid_here() == 1);
	CHECK(pid_here() == getpid() && pid_here() == getpid() && pid_site[0] == 0xb8);
	CHECK(!spoiled() && !spoiled());

	struct utsname u;
	CHECK(any_here(SYS_getppid, NULL) == 1 && sixth_site[0] == 0xe9 && any_here(SYS_getppid, NULL) == 1);
	/* The same place makes a call that always traps. */
	CHECK(any_here(SYS_uname, &u) == 0 && !strcmp(u.sysname, "Linux") && any_here(SYS_getppid, NULL) == 1);
	for (int i = 0; i < 3; i++) {
		CHECK(pipe(p) == 0 && write(p[1], "abcd", 4) == 4 && loop_here(p[0], b, 1) == 1 && b[0] == 'a' &&
			loop_site[0] == 0x8b);
		CHECK(kept_here(p[0], b, 2) == 2 && !memcmp(b, "bc", 2) && kept_here(p[0], b, 2) == 1 && b[0] == 'd');
		CHECK(far_here(p[0]) == 0 && far_here(p[0]) == -EBADF && close(p[1]) == 0);
		CHECK(kept_site[0] == 0xe9 && far_site[0] == 0xe9);
	}

	CHECK(pthread_create(&t, NULL, takes_its_turn, NULL) == 0);
	for (int i = 0; i < 5; i++) {
		turn = 1;
		while (turn != 0)
			ppid_here();
	}
	pthread_join(t, NULL);

	CHECK(pipe(p) == 0 && pthread_create(&t, NULL, writes, NULL) == 0);
	size_t total = 0;
	for (long n; (n = read_here(p[0], b, sizeof b)) > 0; total += n)
		CHECK(b[0] == (char)(total >> 20));
	CHECK(total == 4 << 20 && read_site[0] == 0xe9 && write_site[0] == 0xe9);
	pthread_join(t, NULL);
	close(p[0]);

	/* A signal that the call itself raises comes once, before the call returns. */
	on(SIGPIPE, 0);
	CHECK(pipe(p) == 0 && close(p[0]) == 0);
	CHECK(write_here(p[1], "x", 1) == -EPIPE && caught == 1 && write_here(p[1], "x", 1) == -EPIPE && caught == 2);
	close(p[1]);

	/* A wait is interrupted, or goes on, as the handler says. */
	struct itimerval soon = { { 0, 0 }, { 0, 20000 } };
	CHECK(pipe(p) == 0);
	on(SIGALRM, 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK(read_here(p[0], b, 1) == -EINTR && caught == 3);
	on(SIGALRM, SA_RESTART);
	CHECK(pthread_create(&t, NULL, writes_late, NULL) == 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK(read_here(p[0], b, 1) == 1 && caught == 4);
	pthread_join(t, NULL);

	CHECK(write_here(p[1], (void *)8, 1) == -EFAULT && write_here(p[1], "x", 1) == 1 &&
		read_here(p[0], (void *)8, 1) == -EFAULT);
	DONE();
}
