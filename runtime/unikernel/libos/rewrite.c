/*
 * rewrite.c: system calls that do not trap. A call costs its guest a signal of the host and a return from it; the
 * instruction that made it is rewritten into a jump, so that the next call from there is a call of the libOS like any
 * function's.
 *
 * Nearly every system call of a C library is "mov $number,%eax; syscall". Its first five bytes become a jump to a slot:
 *
 *	b8 NN NN NN NN  mov $N,%eax          e9 ......  jmp slot         slot: mov $N,%eax
 *	0f 05           syscall              0f 05      syscall                movabs $back,%rcx
 *	back:                                back:                             movabs $uc_fast,%r11
 *	                                                                       jmp *%r11
 *
 * The syscall instruction stays: whoever jumps to it, and a call that is restarted, trap as before. rcx and r11 are what
 * a system call destroys anyway. uc_fast (start.S) calls fast_call on UC_STACK with a frame like that of a trap, but
 * without floating point state; so only calls are rewritten that neither look at other registers nor let another
 * thread run. What cannot be answered at once traps after all, from uc_slow.
 *
 * Before the first capture, every call is rewritten that can be. Later it would give the UC a copy of its own of pages
 * that all share, which costs as much as some ten traps: then only where one place traps again and again.
 */
#include "state.h"

struct slot { u8 mov; u32 nr; u8 movabs_rcx[2]; u64 back; u8 movabs_r11[2]; u64 fast; u8 jmp[3], pad[4]; } __attribute__((packed));
_Static_assert(sizeof(struct slot) == 32, "slots are addressed by number");

#define SITE 7 /* bytes of mov and syscall */
#define OFTEN 64

/* What is asked often and answered from the caller's arguments alone. */
static int plain(const u64 *r)
{
	switch (r[RAX]) {
	case __NR_read: case __NR_write: case __NR_readv: case __NR_writev: case __NR_pread64: case __NR_pwrite64:
	case __NR_recvfrom: case __NR_sendto: case __NR_recvmsg: case __NR_sendmsg:
	case __NR_open: case __NR_openat: case __NR_close: case __NR_lseek: case __NR_fcntl: case __NR_ioctl:
	case __NR_stat: case __NR_fstat: case __NR_lstat: case __NR_newfstatat: case __NR_statx: case __NR_access:
	case __NR_readlink: case __NR_getdents64: case __NR_getcwd:
	case __NR_epoll_ctl: case __NR_epoll_wait: case __NR_epoll_pwait: case __NR_poll: case __NR_futex:
	case __NR_mmap: case __NR_munmap: case __NR_mprotect: case __NR_madvise: case __NR_brk:
	case __NR_getpid: case __NR_getppid: case __NR_gettid: case __NR_getuid: case __NR_geteuid: case __NR_getrandom:
	case __NR_clock_gettime: case __NR_gettimeofday: case __NR_getrusage: case __NR_timerfd_settime:
		return 1;
	}
	return 0;
}

/* A call of a kind that plain lists, in the form that lets another thread run or changes the signal mask while it waits. */
static int gives_way(const u64 *r)
{
	u32 op = r[RSI] & 127;
	return r[RAX] == __NR_futex ? op != 1 && op != 10 /* all but WAKE and WAKE_BITSET */ :
	       r[RAX] == __NR_epoll_pwait && r[R8];
}

/* A run of slots that reaches to, or a new one. NULL: none is near enough. */
static struct slots *slots_near(u64 to)
{
	for (u32 i = 0; i < COUNT(S->slots); i++) {
		struct slots *s = &S->slots[i];
		if (!s->at) {
			s->at = region_alloc(SLOTS_SIZE, V_LIBOS);
			if (!s->at)
				return NULL;
		}
		i64 far = s->at - to;
		if (s->used < SLOTS_SIZE / sizeof(struct slot) && far > INT32_MIN + (i64)PAGE && far < INT32_MAX - (i64)SLOTS_SIZE)
			return s;
	}
	return NULL;
}

void rewrite_reserve(u64 at) { S->slots[0].at = at; }

/* Places share an entry where their addresses collide; the last one then counts from the start. */
static int traps_often(u64 rip)
{
	struct site *s = &S->sites[rip / 2 % COUNT(S->sites)];
	if (s->rip != (u32)rip)
		*s = (struct site){ rip, 0 };
	return ++s->traps == OFTEN;
}

void rewrite(const u64 *r)
{
	u8 code[1 + SITE];
	u64 back = r[RIP], site = back - SITE;
	u32 nr;
	if (!plain(r) || (S->pub.resumes && !traps_often(back)) || from_user(code, site - 1, sizeof code))
		return;
	memcpy(&nr, code + 2, 4);
	/* The byte before a mov of eax is no prefix of a longer instruction that has it as its end. */
	if ((code[0] & 0xf0) == 0x40 || code[1] != 0xb8 || nr != r[RAX] || code[6] != 0x0f || code[7] != 0x05)
		return;
	struct slots *s = slots_near(site);
	if (!s)
		return;
	struct slot *slot = (struct slot *)s->at + s->used++;
	*slot = (struct slot){ 0xb8, nr, { 0x48, 0xb9 }, back, { 0x49, 0xbb }, (u64)uc_fast, { 0x41, 0xff, 0xe3 }, { 0xcc, 0xcc, 0xcc, 0xcc } };
	code[1] = 0xe9;
	nr = (u64)slot - (site + 5);
	memcpy(code + 2, &nr, 4);
	to_user(site, code + 1, 5);
}

/* Answers a rewritten call in r: 1, or 0 where it must trap. */
u32 fast_call(u64 *r)
{
	struct thread *t = SELF;
	t->trap_rip = r[RIP];
	t->answered = 0;
	if (S->resched || gives_way(r) || signal_waits())
		return 0;
	S->frame = r;
	i64 v = dispatch(r[RAX], r);
	if (v == BLOCKED || S->resched || signal_waits()) {
		t->answer = v;
		t->answered = 1;
		return 0;
	}
	t->deadline = t->progress = 0;
	r[RAX] = v;
	return 1;
}
