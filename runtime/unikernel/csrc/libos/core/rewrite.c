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
 * In the other forms, see lead, what leads to the syscall instruction is moved into the slot as it is. The syscall
 * instruction stays: whoever jumps to it, and a call that is restarted, trap as before. rcx and r11 are what
 * a system call destroys anyway. uc_fast (start.S) calls fast_call on UC_STACK with a frame like that of a trap, but
 * without floating point state; so only calls are rewritten that neither look at other registers nor let another
 * thread run. What cannot be answered at once traps after all, from uc_slow.
 *
 * Before the first capture, every call is rewritten that can be. Later it would give the UC a copy of its own of pages
 * that all share, which costs as much as some ten traps: then only where one place traps again and again.
 */
#include "core/calls.h"
#include "base/state.h"
#include "mm/region.h"

#define LEAD 9 /* at most; the rest is filled with nop */
struct slot {
	u8 lead[LEAD], movabs_rcx[2];
	u64 back;
	u8 movabs_r11[2];
	u64 fast;
	u8 jmp[3];
} __attribute__((packed));
_Static_assert(sizeof(struct slot) == 32, "slots are addressed by number");

#define AFTER 9 /* bytes from the syscall instruction on that are looked at */
#define JUMP 5
#define OFTEN 64

/* What is asked often and answered from the caller's arguments alone. */
static int plain(const u64 *r)
{
	/* Files, directories, polling, memory, ids, clocks: what a server does all day. */
	switch (r[RAX]) {
	case __NR_read:
	case __NR_write:
	case __NR_readv:
	case __NR_writev:
	case __NR_pread64:
	case __NR_pwrite64:
	case __NR_recvfrom:
	case __NR_sendto:
	case __NR_recvmsg:
	case __NR_sendmsg:
	case __NR_open:
	case __NR_openat:
	case __NR_close:
	case __NR_lseek:
	case __NR_fcntl:
	case __NR_ioctl:
	case __NR_stat:
	case __NR_fstat:
	case __NR_lstat:
	case __NR_newfstatat:
	case __NR_statx:
	case __NR_access:
	case __NR_readlink:
	case __NR_getdents64:
	case __NR_getcwd:
	case __NR_chdir:
	case __NR_mkdir:
	case __NR_unlink:
	case __NR_chmod:
	case __NR_epoll_ctl:
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_poll:
	case __NR_futex:
	case __NR_mmap:
	case __NR_munmap:
	case __NR_mprotect:
	case __NR_madvise:
	case __NR_brk:
	case __NR_getpid:
	case __NR_getppid:
	case __NR_gettid:
	case __NR_getuid:
	case __NR_geteuid:
	case __NR_getrandom:
	case __NR_clock_gettime:
	case __NR_gettimeofday:
	case __NR_getrusage:
	case __NR_timerfd_settime: return 1;
	}
	return 0;
}

/* A call of a kind that plain lists, in the form that lets another thread run or changes the signal
 * mask while it waits. The first argument of FUTEX_WAKE and of its kin may be private or of the
 * real-time clock: flags above the operation. */
static int gives_way(const u64 *r)
{
	u32 op = r[RSI] & 127;
	return r[RAX] == __NR_futex ? op != FUTEX_WAKE && op != FUTEX_WAKE_BITSET : r[RAX] == __NR_epoll_pwait && r[R8];
}

/* A run of slots that reaches to, or a new one. NULL: none is near enough. A jump has 32
 * bits, so a run serves code within 2 GB. */
static struct slots *slots_near(u64 to)
{
	for (u32 i = 0; i < COUNT(S->slots); i++) {
		struct slots *s = &S->slots[i];
		/* Runs are made when they are needed, wherever there is room: far from one program, near to
		 * the next. */
		if (!s->at) {
			s->at = region_alloc(SLOTS_SIZE, V_LIBOS);
			if (!s->at)
				return NULL;
		}
		i64 far = s->at - to;
		if (s->used < SLOTS_SIZE / sizeof(struct slot) && far > INT32_MIN + (i64)PAGE &&
			far < INT32_MAX - (i64)SLOTS_SIZE)
			return s;
	}
	return NULL;
}

void rewrite_reserve(u64 at) { S->slots[0].at = at; }

/* Places share an entry where their addresses collide; the last one then counts from the start. A
 * small table by address: a busy place comes by often enough to keep its entry. */
static int traps_often(u64 rip)
{
	struct site *s = &S->sites[rip / 2 % COUNT(S->sites)];
	/* Half an address tells places apart well enough: a mistake costs a rewrite too many or too few. */
	if (s->rip != (u32)rip)
		*s = (struct site){ rip, 0 };
	return ++s->traps == OFTEN;
}

/* mov $nr,%eax: five bytes, with the number as a 32-bit constant. */
static int loads(const u8 *code, u64 nr) /* mov $nr,%eax */
{
	u32 n;
	memcpy(&n, code + 1, 4);
	return code[0] == 0xb8 && n == nr;
}

/* mov D(%rsp),%edi: a C library restores the descriptor that it kept while it looked whether it may
 * be cancelled. */
static int restores(const u8 *code) { return code[0] == 0x8b && code[1] == 0x7c && code[2] == 0x24; }

/* How many bytes before a syscall instruction can be moved: whole instructions that may lie
 * anywhere, at least a jump's length of them. They end at end; 0: none. */
static u32 lead(const u8 *end, u64 nr)
{
	/* mov 8(%rsp),%r9: the end of syscall(3) */
	static const u8 sixth[] = { 0x4c, 0x8b, 0x4c, 0x24, 0x08 };
	/* The jump takes a byte of the xor: no loop may begin there. The C library's read looks for an
	 * error, and is no loop. */
	/* syscall; cmp $-4096,%rax; ja */
	static const u8 checks[] = { 0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff, 0x77 };
	if (loads(end - 5, nr) || !memcmp(end - 5, sixth, 5))
		return 5;
	/* xor %eax,%eax */
	if (restores(end - 6) && end[-2] == 0x31 && end[-1] == 0xc0 && !nr && !memcmp(end, checks, AFTER))
		return 6;
	if (loads(end - 9, nr) && restores(end - 4))
		return 9;
	return 0;
}

/* r is the frame of a call that trapped. A place that cannot be rewritten is left alone, and traps
 * as long as it lives. */
void rewrite(const u64 *r)
{
	u8 code[1 + LEAD + AFTER], *end = code + 1 + LEAD;
	u64 back = r[RIP];
	/* After a restore the page may be shared with all clones: only a place that traps again and
	 * again is worth a private copy of it. */
	if (!plain(r) || (S->pub.resumes && !traps_often(back)) || from_user(code, back - 3 - LEAD, sizeof code))
		return;
	/* The bytes are read anew: the guest may have changed its code since it trapped. */
	u32 n = lead(end, r[RAX]);
	/* The byte before it is no prefix of a longer instruction that has the first as its end. */
	if (!n || (end[-(i32)n - 1] & 0xf0) == 0x40 || end[0] != 0x0f || end[1] != 0x05)
		return;
	u64 site = back - 2 - n;
	struct slots *s = slots_near(site);
	if (!s)
		return;
	struct slot *slot = (struct slot *)s->at + s->used++;
	/* movabs $back,%rcx; movabs $uc_fast,%r11; jmp *%r11. */
	*slot = (struct slot){ { 0 }, { 0x48, 0xb9 }, back, { 0x49, 0xbb }, (u64)uc_fast, { 0x41, 0xff, 0xe3 } };
	/* nop: what is not needed of the room for moved instructions. */
	memset(slot->lead, 0x90, LEAD);
	memcpy(slot->lead, end - n, n);
	/* No other thread runs meanwhile: the five bytes change at once for the guest. */
	u8 jump[JUMP] = { 0xe9 };
	u32 far = (u64)slot - (site + JUMP);
	memcpy(jump + 1, &far, 4);
	to_user(site, jump, JUMP);
}

/* Answers a rewritten call in r: 1, or 0 where it must trap. One place may make several calls:
 * syscall(3). */
u32 fast_call(u64 *r)
{
	struct thread *t = SELF;
	t->trap_rip = r[RIP];
	t->answered = 0;
	if (S->resched || !plain(r) || gives_way(r) || signal_waits())
		return 0;
	/* The frame of start.S has the same order of registers as a signal's, up to RIP. */
	S->frame = r;
	i64 v = dispatch(r[RAX], r);
	/* Somebody else is to run, or a handler: both need a real frame. The answer is kept, so that
	 * the call is not made twice. */
	if (v == BLOCKED || S->resched || signal_waits()) {
		t->answer = v;
		t->answered = 1;
		return 0;
	}
	t->deadline = t->progress = 0;
	r[RAX] = v;
	return 1;
}
