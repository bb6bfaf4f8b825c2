/*
 * uc.h: the contract between the libOS (the guest's kernel, csrc/libos) and the tender (the processes that host
 * unikernel contexts, UCs; csrc/tender).
 *
 * The file includes nothing but <stdint.h>. Package abi mirrors it in Go. Any change to an address, a number or a
 * layout below raises UC_ABI; a libOS, a tender and a snapshot of different UC_ABI refuse each other.
 *
 * All integers are little-endian, all structures have natural alignment without hidden padding (checked below).
 */
#ifndef UC_H
#define UC_H

#include <stdint.h>

#define UC_ABI   11u
#define UC_MAGIC 0x31435541u /* "UC" ABI family; first word of every block */

/* ---- Address layout --------------------------------------------------------------------------------------------
 * The region is LOW and HIGH: all that is in a snapshot, and nothing else. Each is one private anonymous mapping,
 * PROT_READ|WRITE|EXEC and MAP_NORESERVE, when nothing has been restored. LOW exists because Node.js and Debian's
 * python3 are linked at 0x400000. HIGH is sparse: V8 reserves tens of GB of addresses that it never touches.
 * LIBOS, HOST, STACK and IMAGE are outside of the region: the same in every UC, or meaningless at a capture point.
 */
#define UC_LOW        0x0000000000400000ull
#define UC_LOW_END    0x0000000040000000ull
#define UC_HIGH       0x0000001000000000ull
#define UC_HIGH_END   0x0000003000000000ull /* 128 GB */
#define UC_STATE      UC_HIGH               /* struct uc_state, then the libOS's private tables */
#define UC_STATE_SIZE 0x0000000002000000ull /* 32 MB reserved, some 100 KB touched */
#define UC_IMAGE      0x00007d0000000000ull /* file image (uc_image.h), PROT_READ, MAP_SHARED */
#define UC_LIBOS      0x00007e0000000000ull /* libOS ELF: PROT_READ|EXEC; it has no writable segment */
#define UC_HOST       0x00007e0000100000ull /* struct uc_host, written by the tender, PROT_READ for the guest */
#define UC_HOST_SIZE  0x0000000000010000ull
#define UC_STACK      0x00007e0000140000ull /* signal (libOS) stack, private anonymous; dead at a capture point */
#define UC_STACK_SIZE 0x0000000000040000ull
/* LIBOS and all above lie in one 2 MB range, so that an idle UC has one page table for them. The tender's own
 * program runs at TENDER and leaves by uc_libos.leave. The host's vDSO and its data pages are moved to VDSO. */
#define UC_TENDER      0x00007e0000180000ull
#define UC_TENDER_SIZE 0x0000000000060000ull
#define UC_VDSO        0x00007e00001e0000ull
#define UC_VDSO_SIZE   0x0000000000020000ull

/* Every host system call of the libOS is made by the one instruction whose end is at UC_STUB_IP. The seccomp filter
 * traps (SIGSYS) a call from any other address; from this one it allows the list in uc_filter.h and kills on all
 * else. */
#define UC_STUB_IP    (UC_LIBOS + 2)

/*
 * The one other instruction that makes a host call: sigaltstack of the constant at UC_ALTSTACK, which sets the
 * signal stack to UC_STACK. A guest may change the signal stack by rt_sigreturn. The kernel then refuses another
 * one as long as the stack pointer lies in the range that the guest chose, so this call is made with stack pointer
 * 0, which lies in no range.
 */
#define UC_RESET_IP (UC_LIBOS + 50)

/* ---- libOS header: at UC_LIBOS + 64 in memory and in the ELF's first segment ----------------------------------- */
#define UC_LIBOS_HEADER (UC_LIBOS + 64)

struct uc_libos {
	uint32_t magic, abi;
	uint8_t  id[32];     /* sha256 over the sources: a snapshot belongs to exactly one id */
	uint64_t enter;      /* void enter(uint64_t how, int64_t received): UC_BOOT or UC_RESUME; what recvfrom returned,
	                      * -EAGAIN: nothing yet. Never returns; stack = top of UC_STACK */
	uint64_t on_signal;  /* sa_sigaction of every signal in UC_SIGNALS */
	uint64_t restorer;   /* sa_restorer */
	uint64_t state_size; /* bytes of UC_STATE in use by this build */
	uint64_t leave;      /* void leave(uint64_t how) on UC_STACK: munmap(UC_TENDER, UC_TENDER_SIZE), then enter(how) */
	uint64_t after_reset; /* where a UC continues that was reset: see UC_SLEEP_CALL */
	struct uc_altstack { uint64_t sp; uint32_t flags, pad; uint64_t size; } altstack; /* the kernel's stack_t */
};
#define UC_ALTSTACK (UC_LIBOS_HEADER + 88)

#define UC_BOOT   0ull /* state is all zeros: load and start the program named in uc_host */
#define UC_RESUME 1ull /* state was restored: continue at the capture point */

/* Signals the tender routes to on_signal: SA_SIGINFO|SA_ONSTACK|SA_NODEFER|SA_RESTORER, empty mask. SIGPROF comes
 * from setitimer(ITIMER_PROF, 5 ms), armed by the tender before it enters: it preempts a guest thread that spins,
 * and never fires in a UC that sleeps. */
#define UC_SIGNALS { 31 /* SYS */, 11 /* SEGV */, 7 /* BUS */, 8 /* FPE */, 4 /* ILL */, 5 /* TRAP */, 27 /* PROF */ }
#define UC_TICK_USEC 5000

/* ---- Host descriptors: exactly one ----------------------------------------------------------------------------- */
#define UC_CHANNEL_FD 3 /* AF_UNIX SOCK_SEQPACKET, blocking mode, carries struct uc_msg; end of file ends the UC */

/* ---- Host block: written by the tender at every start and restore ---------------------------------------------- */
#define UC_F_TRACE    1u  /* count every system call in uc_state.calls */
#define UC_F_FSGSBASE 2u  /* AT_HWCAP2 bit 1: the libOS may use wrfsbase instead of arch_prctl */
#define UC_F_STRACE   4u  /* print each guest call as a UC_MSG_CONSOLE on stream 2: debugging only */

#define UC_TID_MIN 2097152u /* ids of threads but the first: from here to Linux's largest pid_max */
#define UC_PID_MAX 4194304u

struct uc_host {
	uint32_t magic, abi;
	uint32_t flags;
	uint32_t pid;              /* as the guest sees itself, below UC_TID_MIN. A backend counts up for each UC and begins
	                            * again after two million: two UCs have the same pid if that many were made in between,
	                            * or if they are of two backends */
	uint8_t  entropy[64];      /* from the host's getrandom, anew for every start and restore */
	uint64_t vdso_clock;       /* host vDSO clock_gettime(clockid, struct timespec *), 0: use the system call */
	uint64_t image_size;       /* bytes mapped at UC_IMAGE, 0: none */
	uint64_t mem_limit;        /* bytes of writable guest memory, 0: unlimited */
	uint64_t max_threads;      /* threads at a time, 0: as many as the libOS has room for */
	uint64_t hwcap, hwcap2;    /* from the tender's own auxiliary vector */
	uint32_t xsave_size;       /* bytes of an XSAVE area, standard format, as CPUID(0xd).ebx says */
	uint32_t cpus;             /* what sched_getaffinity and /proc/cpuinfo show */
	uint32_t argc, envc;       /* used by UC_BOOT only */
	uint32_t exe_off;          /* offset in strings of the program's absolute path in the image */
	uint32_t strings_len;
	uint8_t  strings[];        /* argc + envc NUL-terminated strings, then the path */
};

/*
 * ---- State: the part that a tender may read. All of it lies in the snapshot ----
 *
 * Capture: when the driver has announced itself, the tender reads `quiescent` and `wakes`. If quiescent is
 * UC_QUIESCENT, no register and nothing on the stack is live: the pages of [UC_LOW, low_top) and [UC_HIGH, high_top)
 * are the whole guest. The tender copies them without stopping the process and reads both words again. If either has
 * changed, the copy is worth nothing and the tender tries again. So the libOS writes quiescent as the last thing
 * before it sleeps, and quiescent = 0, wakes++ as the first thing after. A restored UC starts with enter(UC_RESUME) on
 * an empty stack.
 *
 * discard: ranges that the guest gave back since the restore (or boot), where the parent snapshot may have content. In
 * a diff, a page in such a range that is not anonymous-present is zero, and must hide the parent's page. A page
 * outside of every range that is not anonymous-present is the parent's.
 */
#define UC_DISCARDS 120

/* uc_state.quiescent; 0: it runs. */
#define UC_QUIESCENT 1u

struct uc_state {
	uint32_t magic, abi;
	uint8_t  libos_id[32];
	uint32_t quiescent;
	uint32_t threads;
	uint64_t low_top, high_top;  /* no page at or above these was ever touched; page aligned */
	uint64_t committed;          /* bytes of writable mappings, tmpfs and libOS buffers: what mem_limit bounds */
	uint64_t committed_peak;
	uint64_t resumes;            /* how many captures lie under this state */
	uint64_t calls_off;          /* offset from UC_STATE of uint32_t calls[512], counted with UC_F_TRACE */
	uint64_t unknown_off;        /* offset of uint32_t unknown[512]: calls answered with ENOSYS, always counted */
	uint32_t discards;
	uint32_t wakes;              /* counted, before anything else is written, when the host thread wakes up */
	uint64_t uncharged;          /* bytes that may be resident, not committed: copies of read-only files,
	                              * thread stacks */
	struct uc_range { uint64_t start, end; } discard[UC_DISCARDS];
};

/* ---- Messages on the channel: one per packet; behind a FILE another one may stand in its packet ---------------- */
#define UC_MSG_MAX 65536u /* header and payload */

enum {
	UC_MSG_DATA    = 1,  /* both: bytes of the driver's stream (the guest's descriptor 3) */
	UC_MSG_CONSOLE = 2,  /* up: id 1 or 2 (stdout, stderr), bytes */
	UC_MSG_EXIT    = 3,  /* up, last: arg = UC_EXIT_*, id = exit status or signal, payload = sentence for people;
	                      * flags bit 0 (UC_EXIT_F_MEMORY): memory was refused because of mem_limit before this */
	UC_MSG_OPEN    = 4,  /* up: id = connection; payload struct uc_addr: connect a TCP stream */
	UC_MSG_OPENED  = 5,  /* down: arg = 0 or errno; payload: local struct uc_addr when 0 */
	UC_MSG_STREAM  = 6,  /* both: bytes of connection id, at most the credit at hand */
	UC_MSG_FIN     = 7,  /* both: the sender's half of connection id is at its end */
	UC_MSG_RESET   = 8,  /* both: connection or UDP socket id is gone, nothing answers it; arg = errno, or 0: in good
	                      * order, what was sent before is still to be delivered. Ids are not used again */
	UC_MSG_CREDIT  = 9,  /* both: arg = bytes that the receiver of connection id took out of its buffer */
	UC_MSG_DGRAM   = 10, /* both: id = UDP socket; payload struct uc_addr (up: to, down: from), datagram.
	                      * Names: port 53 */
	UC_MSG_SLEEP   = 11, /* down, the last before a reset: drop all that the UC waits for, and sleep at UC_SLEEP_CALL */
	UC_MSG_FILE    = 12, /* down: files of the function's package, to lie below /var/task: records of struct uc_file,
	                      * path, content, and up to 7 zero bytes. Directories are made. What does not fit into the
	                      * memory limit ends the UC */
};
/*
 * Reset: a UC that has served becomes a spare. Its process has the pages mapped that every function writes, so the
 * next function costs neither a fork nor those page faults.
 *
 * A UC sleeps in one exact place, UC_SLEEP_CALL: recvfrom(UC_CHANNEL_FD, UC_STACK, UC_MSG_MAX, 0, 0, 0) by the
 * stub, with the stack pointer at the top of the stack. A UC with a timer sleeps in ppoll instead, and UC_MSG_SLEEP
 * brings it to UC_SLEEP_CALL. What runs after UC_SLEEP_CALL depends on memory alone, whether the libOS got there or
 * a guest that jumped. The platform makes sure that the UC has read all messages (SIOCOUTQ): a task that a message
 * is just waking still shows as asleep. The tender checks that the UC sleeps there (/proc/PID/syscall) and that it
 * neither mapped nor unmapped anything. Then the tender gives *every* private page of the UC the content that the
 * page had at the fork, and makes uc_libos.after_reset the last word of the stack. From there the UC enters as after
 * a fork, with the message that woke it. A UC that does not come to UC_SLEEP_CALL is killed.
 */
/* As /proc/PID/syscall shows it. */
#define UC_SLEEP_CALL "45 0x3 0x7e0000140000 0x10000 0x0 0x0 0x0 0x7e000017fff8 0x7e0000000002\n"
#define UC_EXIT_F_MEMORY 1u
#define UC_WINDOW 262144u /* initial credit of each side of a connection */

struct uc_msg {
	uint16_t type, flags;
	uint32_t id, arg, len; /* len: bytes of payload after this header */
};

struct uc_file {
	uint32_t mode, path;     /* permission bits, and S_IFLNK for a symbolic link, whose content is its target; bytes of
	                          * the path, which is relative and not terminated */
	uint64_t size;           /* of the whole file */
	uint64_t off;            /* what comes is its content from here on; the record with 0 makes it */
	uint32_t bytes, pad;
};

struct uc_addr {
	uint16_t family; /* 4 or 6 */
	uint16_t port;   /* host byte order */
	uint8_t  ip[16]; /* network byte order; IPv4 in the first 4 */
};

/* ---- How a UC ends: UC_MSG_EXIT.arg, and the host exit status -------------------------------------------------- */
enum {
	UC_EXIT_OK       = 0,   /* guest called exit_group; id = its status (the host status is the same) */
	UC_EXIT_SIGNAL   = 120, /* guest died of signal id (abort, segmentation fault) */
	UC_EXIT_ORPHAN   = 121, /* the channel's other end is gone */
	UC_EXIT_MEMORY   = 122, /* libOS could not get memory that it cannot do without */
	UC_EXIT_DEADLOCK = 123, /* every thread waits for another one, for ever */
	UC_EXIT_REFUSED  = 124, /* other ABI, other libOS, broken image or host block */
	UC_EXIT_LIBOS    = 125, /* fault inside the libOS: a defect of ours */
	UC_EXIT_UNBORN   = 126, /* said by the tender: it could not be forked; id = errno */
};

_Static_assert(sizeof(struct uc_msg) == 16, "uc_msg");
_Static_assert(sizeof(struct uc_addr) == 20, "uc_addr");
_Static_assert(sizeof(struct uc_file) == 32, "uc_file");
_Static_assert(sizeof(struct uc_host) == 152, "uc_host");
_Static_assert(sizeof(struct uc_state) == 120 + 16 * UC_DISCARDS, "uc_state");
_Static_assert(sizeof(struct uc_libos) == 112 && sizeof(struct uc_altstack) == 24, "uc_libos");

#endif
