/*
 * uc_filter.h: the seccomp filter of a UC, and so the list of host system calls that a UC can make. A test holds
 * the list against the filter.
 *
 * The guest may jump to the libOS's own system call instruction, so every call in the list must be harmless by
 * itself: none opens, maps, creates or names an object of the host. A call that is not in the list ends the
 * process.
 *
 *  1 recvfrom       channel only; no address
 *  2 sendto         channel only; no address
 *  3 ppoll          wait for the channel or a time-out
 *  4 clock_gettime  global clocks only, where the host's vDSO has none
 *  5 mmap           anonymous, private, fixed, RWX, inside the region: discard pages that a snapshot backs
 *  6 madvise        MADV_DONTNEED inside the region: discard anonymous pages
 *  7 arch_prctl     ARCH_SET_FS, where wrfsbase is not enabled
 *  8 getrandom
 *  9 rt_sigreturn
 * 10 exit_group
 * 11 munmap         of exactly the tender's own program, which a UC does once before its first guest instruction
 * 12 sigaltstack    from UC_RESET_IP, of exactly the constant at UC_ALTSTACK, which says UC_STACK
 *
 * Linux lets two calls past any filter, uretprobe (335) and uprobe (336): made by anything but the kernel's own
 * trampoline they end the process with SIGILL.
 *
 * The filter is installed once, in the tender's root, and inherited by every fork: a UC costs no filter of its own.
 * So calls from the tender's program are allowed. A UC unmaps that program before its first guest instruction, and
 * can map nothing where it was.
 */
#ifndef UC_FILTER_H
#define UC_FILTER_H

#include <stddef.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include "uc.h"

#define UC_MMAP_FLAGS 0x4032 /* MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_NORESERVE */

#define UCF_LD(field)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UCF_LO(i)         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[i]))
#define UCF_HI(i)         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[i]) + 4)
#define UCF_RET(x)        BPF_STMT(BPF_RET | BPF_K, x)
#define UCF_IF(x, t, f)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(x), t, f)
#define UCF_GE(x, t, f)   BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(x), t, f)
#define UCF_MUST(x)       UCF_IF(x, 1, 0), UCF_RET(SECCOMP_RET_KILL_PROCESS)
#define UCF_BELOW(x)      UCF_GE(x, 0, 1), UCF_RET(SECCOMP_RET_KILL_PROCESS)
#define UCF_OK            UCF_RET(SECCOMP_RET_ALLOW)
/* The channel is the descriptor, and there is no address to send to or to fill in. 9 instructions. */
#define UCF_CHANNEL UCF_LO(0), UCF_MUST(UC_CHANNEL_FD), UCF_LO(4), UCF_MUST(0), UCF_HI(4), UCF_MUST(0)
/* Address in args[0] and length in args[1] lie in the region. HIGH: upper half of the address in [0x10, 0x30),
 * length under 128 GB; what sticks out above HIGH_END is unmapped address space of this process, which the libOS
 * owns anyway. LOW: upper half 0, UC_LOW <= address < UC_LOW_END, and a length that cannot reach beyond HIGH. */
#define UCF_IN_REGION /* 11 instructions */ \
	UCF_HI(1), UCF_BELOW(0x20), \
	UCF_HI(0), UCF_IF(0, 0, 3), \
	UCF_LO(0), UCF_GE(UC_LOW, 0, 3), UCF_GE(UC_LOW_END, 2, 3), \
	UCF_GE(UC_HIGH >> 32, 0, 1), UCF_GE(UC_HIGH_END >> 32, 0, 1), UCF_RET(SECCOMP_RET_KILL_PROCESS)

/* One call: skip its block if the number differs. n is the block's length in instructions. */
#define UCF_CALL(nr, n)   UCF_IF(nr, 0, n)

static const struct sock_filter uc_filter[] = {
	UCF_LD(arch), UCF_MUST(AUDIT_ARCH_X86_64),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
	UCF_IF(UC_STUB_IP >> 32, 1, 0), UCF_RET(SECCOMP_RET_TRAP),
	UCF_LD(instruction_pointer), UCF_IF(UC_STUB_IP, 21, 0), UCF_IF(UC_RESET_IP, 4, 0),
	UCF_GE(UC_TENDER, 0, 2), UCF_GE(UC_TENDER + UC_TENDER_SIZE, 1, 0), UCF_OK, UCF_RET(SECCOMP_RET_TRAP),
	/* From UC_RESET_IP: 16 instructions. */
	UCF_LD(nr), UCF_MUST(SYS_sigaltstack), UCF_LO(0), UCF_MUST(UC_ALTSTACK), UCF_HI(0), UCF_MUST(UC_ALTSTACK >> 32),
	UCF_LO(1), UCF_MUST(0), UCF_HI(1), UCF_MUST(0), UCF_OK,
	UCF_LD(nr),
	UCF_IF(SYS_rt_sigreturn, 0, 1), UCF_OK,
	UCF_IF(SYS_ppoll, 0, 1), UCF_OK,
	UCF_IF(SYS_getrandom, 0, 1), UCF_OK,
	UCF_IF(SYS_exit_group, 0, 1), UCF_OK,
	UCF_CALL(SYS_clock_gettime, 4), UCF_LO(0), UCF_BELOW(12), UCF_OK,
	UCF_CALL(SYS_recvfrom, 10), UCF_CHANNEL, UCF_OK,
	UCF_CALL(SYS_sendto, 10), UCF_CHANNEL, UCF_OK,
	UCF_CALL(SYS_arch_prctl, 4), UCF_LO(0), UCF_MUST(0x1002), UCF_OK,
	UCF_CALL(SYS_munmap, 13), UCF_LO(0), UCF_MUST(UC_TENDER), UCF_HI(0), UCF_MUST(UC_TENDER >> 32),
		UCF_LO(1), UCF_MUST(UC_TENDER_SIZE), UCF_HI(1), UCF_MUST(0), UCF_OK,
	UCF_CALL(SYS_madvise, 15), UCF_LO(2), UCF_MUST(4), UCF_IN_REGION, UCF_OK,
	UCF_CALL(SYS_mmap, 18), UCF_LO(2), UCF_MUST(7), UCF_LO(3), UCF_MUST(UC_MMAP_FLAGS), UCF_IN_REGION, UCF_OK,
	UCF_RET(SECCOMP_RET_KILL_PROCESS),
};

#endif
