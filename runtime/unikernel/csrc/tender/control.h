/*
 * control.h: what the platform and the processes of a tender say to each other, over SOCK_SEQPACKET
 * sockets on descriptor 3 of each process. Go mirrors this file, and a test compares the two. The
 * file includes nothing but <stdint.h>. All integers are little-endian.
 *
 * The processes form a tree. The root, pid 1 of its own namespaces, and every zygote below it hold
 * a prefix of a snapshot stack mapped, and fork. A fork is a spare. It waits on its channel for one
 * of two orders: RUN, to lay further pages over what it inherited and become a UC on that channel;
 * or ZYGOTE, to become a zygote that takes orders on it. So a deploy costs a fork and the pages
 * that are the snapshot's own, and the fork can be made beforehand.
 */
#ifndef TENDER_CONTROL_H
#define TENDER_CONTROL_H

#include <stdint.h>

/* "TC01": the first word of every order. As the op of a reply: the root is ready, and struct
 * tc_machine follows. */
#define TC_MAGIC 0x31304354u

enum {
	/* ---- Orders to a spare: struct tc_run. They have no reply ---- */

	/* Become a UC: struct tc_run, extents, strings, patches. The UC then speaks for itself. */
	TC_RUN = 1,
	/*
	 * Become a zygote: struct tc_run, extents. Descriptors: image, arena, scratch, then the
	 * files that the extents name by number. The zygote says that it is ready by a reply with
	 * this op.
	 */
	TC_ZYGOTE = 2,

	/*
	 * ---- Orders to a zygote: struct tc_order. The reply is struct tc_reply ----
	 *
	 * An id names a place among the children, id % TC_CHILDREN, and in its higher bits how often the
	 * place was given away. An order whose id is not the latest of its place is ESRCH.
	 */

	/* Fork a spare at place id. Descriptor: the child's end of its channel. No reply: a fork
	 * that fails is a UC_MSG_EXIT on the channel. */
	TC_FORK = 10,
	/* Kill the child and forget it. No reply: the channel's end of file says that the child is
	 * gone. */
	TC_KILL = 11,
	/*
	 * Write the private pages of a sleeping UC that differ from the zygote's to the arena. a =
	 * the first slot, b = slots. flags: TC_DIRECT, and from bit TC_CANDIDATES on how many
	 * struct tc_candidate lie at the very end of scratch. Reply: scratch holds struct uc_state
	 * in its first page, then n entries of struct tc_page; a = pages that belong into the
	 * arena, b = uc_state.wakes. EAGAIN: the UC is not at a capture point, or did not stay
	 * there. ENOSPC: a is more than there are slots.
	 */
	TC_CAPTURE = 12,
	/* List the private pages of a sleeping UC; with flag TC_SHARED those that are mapped from a
	 * file and unchanged. Reply as for CAPTURE, but no page is copied; a = pages. */
	TC_SCAN = 13,
	/* Write the pages of the a entries in scratch to the descriptor, at the offsets that they
	 * name. Reply: b = uc_state.wakes, which the caller compares with the SCAN's. EAGAIN: the
	 * UC runs. */
	TC_COPY = 14,
	/* Write a = mem_limit and b = max_threads into the host block of a live UC. EAGAIN: the
	 * child is a spare that has not carried out its order. */
	TC_LIMIT = 15,
	/* Reply: scratch holds /proc/PID/schedstat, stat and status as they are, each with a NUL; n
	 * = bytes, a = nanoseconds on a processor that the process had spent when it was last
	 * reset. */
	TC_STAT = 16,
	/* Make a file in memory of a bytes; b = 1: of huge pages. Its descriptor comes with the
	 * reply. */
	TC_FILE = 17,
	/* Reply: of the a entries of struct tc_watched in scratch, the n whose bound is exceeded. */
	TC_WATCH = 18,
	/* Read b bytes of the child's memory at address a to scratch. Reply: n = bytes. */
	TC_PEEK = 20,
	/*
	 * Roll a UC that sleeps at UC_SLEEP_CALL back to what it was forked as. a = pages at most,
	 * b = its next id. In scratch: struct tc_run of its next life, without extents. The process
	 * then waits for its first message. Reply: a = pages that were rolled back. EAGAIN: it does
	 * not sleep there (yet). Any other error: it never will, and its memory may be half rolled
	 * back.
	 */
	TC_RESET = 21,
	/* Lay another life in a UC that was reset. In scratch: struct tc_run, extents, patches.
	 * E2BIG: too many pages would have to be zeroed; nothing is changed then. */
	TC_REUSE = 22,
	/*
	 * Find the words in which a sleeping UC differs from what its deploy laid. a = extents of
	 * its deploy, which lie at TC_EXTENTS_AT in scratch. Reply: struct uc_state in the first
	 * page of scratch, then n bytes of patches. EAGAIN: as for CAPTURE, or a time-out may wake
	 * the UC. ENOSPC: the patches or the pages are too many.
	 */
	TC_PATCHES = 23,
};

#define TC_SHARED 1u
/* No small layer lies between the zygote and the UC: a page as the zygote has it needs no entry. */
#define TC_DIRECT 2u
#define TC_CANDIDATES 8

struct tc_order {
	uint32_t magic, op;
	uint32_t id, flags; /* TC_SHARED, TC_DIRECT, TC_CANDIDATES */
	uint64_t a, b; /* as the order says */
};

struct tc_reply {
	uint32_t op, id; /* of the order */
	int32_t err; /* 0 or errno */
	uint32_t n; /* entries or bytes in scratch */
	uint64_t a, b; /* as the order says */
};

/* A child, and how many resident pages of no file it may have. */
struct tc_watched {
	uint32_t id;
	uint32_t pages; /* of 4096 bytes */
};

/* ---- What an order lays ---- */

/* How the pages of an extent come to be. */
enum {
	TC_COPIED = 1, /* read from the arena at off */
	TC_MAPPED = 2, /* mapped privately from file number `file` at off; ZYGOTE only */
	TC_ZEROED = 3, /* anonymous again: zeros hide what lies beneath */
	TC_PREFETCH_WRITE = 4, /* no content; ZYGOTE only: its spares make the pages writable beforehand */
	TC_PREFETCH_READ = 5, /* no content; ZYGOTE only: its spares map the pages beforehand */
};

/* One stretch of guest pages of a snapshot. Zeroed extents come first, copied ones are sorted. */
struct tc_extent {
	uint64_t addr, off; /* bytes; off in the arena or in the file */
	uint32_t pages;
	uint16_t kind; /* TC_COPIED … */
	uint16_t file; /* of TC_MAPPED: number among the files of the order */
};

/* The order to a spare, followed by extents, strings (see struct uc_host) and patches. */
struct tc_run {
	uint32_t magic, op;
	uint32_t how, flags; /* UC_BOOT or UC_RESUME; UC_F_* */
	uint32_t pid, cpus; /* as the guest sees them */
	uint32_t extents, strings; /* entries; bytes */
	uint32_t argc, envc, exe_off; /* how the strings divide */
	uint32_t spilled; /* 1: what follows is in the descriptor that comes last, not in this packet */
	uint64_t mem_limit, image_size; /* bytes */
	uint8_t entropy[64]; /* of this UC alone */
	/* What the root found out of the processor and of the vDSO. */
	struct tc_machine {
		uint64_t hwcap, hwcap2; /* of the auxiliary vector (getauxval(3)) */
		uint64_t vdso_clock; /* address of clock_gettime, 0: none */
		uint32_t xsave_size, pad; /* bytes */
	} machine;
	uint64_t max_threads; /* at a time; 0: no limit */
	uint32_t patches, pad; /* bytes */
};

/* One page of a UC that hibernated: the words in which the page differs from what the extents laid
 * or, with TC_ON_ZEROS, from zeros. */
#define TC_ON_ZEROS 0x80000000u
struct tc_patch {
	uint32_t page; /* address / 4096 */
	uint32_t bytes; /* of the tc_words that follow, and TC_ON_ZEROS */
};

/* One run of such words: their content follows, as many uint32_t. */
struct tc_words {
	uint16_t first; /* index in the page */
	uint16_t words; /* how many */
};

/* ---- What a capture finds ---- */

enum {
	TC_PAGE_ZERO = 1, /* nothing but zeros: not in the arena */
	TC_PAGE_SAME = 2, /* as the zygote has it: not part of the difference to the zygote's snapshot */
	TC_PAGE_CANDIDATE = 4, /* as a dedup candidate: off is the candidate's */
};

/* An entry of a table in scratch: a stretch of pages that are all alike in flags. */
struct tc_page {
	uint64_t addr; /* of the first page in the guest */
	uint64_t off; /* in the arena, where the content was written; for COPY, in the file */
	uint32_t pages;
	uint32_t flags; /* TC_PAGE_ZERO … */
};

/* A dedup candidate: content that an earlier capture found at an address, and that lies in the
 * arena at off. Candidates are sorted by address. */
struct tc_candidate {
	uint64_t addr; /* in the guest */
	uint64_t off; /* in the arena, bytes */
};

#define TC_ZYGOTE_FDS 3 /* the first descriptors of a ZYGOTE order: image, arena, scratch */
#define TC_SCRATCH (8u << 20) /* bytes of the scratch file that a zygote shares with the platform */
#define TC_EXTENTS_AT (TC_SCRATCH / 2) /* where PATCHES finds the extents */
#define TC_PACKET 65536u /* bytes of an order; the parts of a longer one spill into a file */
#define TC_CHILDREN 65536u /* places for children of one zygote */

_Static_assert(sizeof(struct tc_order) == 32, "tc_order");
_Static_assert(sizeof(struct tc_reply) == 32, "tc_reply");
_Static_assert(sizeof(struct tc_extent) == 24, "tc_extent");
_Static_assert(sizeof(struct tc_run) == 176, "tc_run");
_Static_assert(sizeof(struct tc_page) == 24, "tc_page");
_Static_assert(sizeof(struct tc_candidate) == 16, "tc_candidate");
#endif
