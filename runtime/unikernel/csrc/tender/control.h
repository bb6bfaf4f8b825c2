/*
 * control.h: what the platform says to the processes of a tender, over SOCK_SEQPACKET sockets on descriptor 3 of each. Go mirrors it
 * (control.go). Self-contained but for <stdint.h>. All integers are little-endian.
 *
 * The processes form a tree. The root, pid 1 of its own namespaces, and every zygote below it hold a prefix of a snapshot
 * stack mapped, and fork. A fork is a spare: it waits on the channel that it was given for one of two orders:
 * RUN, to lay further pages over what it inherited and become a UC on that same channel; or ZYGOTE, to become a zygote. So what
 * a deploy costs is a fork and its own pages, and spares can be kept in the pool.
 */
#ifndef TENDER_CONTROL_H
#define TENDER_CONTROL_H

#include <stdint.h>

#define TC_MAGIC 0x31304354u /* "TC01"; as op of a reply: the root's first word, struct tc_machine follows */

enum {
	/* To a spare. No reply: a UC speaks for itself, a zygote answers orders. */
	TC_RUN = 1,      /* struct tc_run, extents, strings, patches */
	TC_ZYGOTE = 2,     /* struct tc_run, extents; descriptors: image, arena, scratch, then files of the extents */
	/* To a zygote. Replies are struct tc_reply. An id is a place among the children, id % TC_CHILDREN, and above it how often the place
	 * was given away: an order with an id that is not the latest of its place is ESRCH. */
	TC_FORK = 10,    /* id; descriptor: the spare's channel. No reply */
	TC_KILL = 11,    /* id: kill and forget. No reply: the channel's end of file says that it is gone */
	TC_CAPTURE = 12, /* id, a = first slot of the arena, b = slots: pages to the arena, table to scratch. flags: TC_DIRECT, and how
	                  * many candidates lie at the very end of scratch, << TC_CANDIDATES */
	TC_SCAN = 13,    /* id: table of the pages that a capture would take, to scratch; with flag TC_SHARED, of those that
	                  * are mapped from a snapshot's file and unchanged */
	TC_COPY = 14,    /* id, a = entries in scratch: pages to the descriptor, at the offsets that the entries name */
	TC_LIMIT = 15,   /* id, a = mem_limit, b = max_threads: write them into the host block of a live UC. EAGAIN: it is a spare yet */
	TC_STAT = 16,    /* id: scratch holds /proc/PID/schedstat, stat and status as they are, each with a NUL; a = nanoseconds on a
	                  * processor that it had spent when it was last reset */
	TC_FILE = 17,    /* a = bytes, b = 1 for huge pages: a file in memory, its descriptor comes with the reply */
	TC_WATCH = 18,   /* a = entries tc_watched in scratch: those that are larger are left there, reply.n */
	TC_PEEK = 20,    /* id, a = address, b = bytes: memory of a UC, to scratch */
	TC_RESET = 21,   /* id, a = pages at most, b = its next id: roll a UC back to what it was forked as; in scratch struct tc_run of its next life, without
	                  * extents. It then only waits for its first message. EAGAIN: it does not sleep at UC_SLEEP_CALL (yet); any other
	                  * error: it never will. reply.a = pages rolled back */
	TC_REUSE = 22,  /* id; in scratch struct tc_run, extents, patches: another life for a UC that was reset. E2BIG: too much would have
	                  * to be zeroed */
	TC_PATCHES = 23, /* id, a = extents of its deploy, at TC_EXTENTS_AT in scratch: what of a sleeping UC is not as they laid it, reply.n
	                  * bytes of patches after the state in scratch. EAGAIN: as for CAPTURE. ENOSPC: it is more than scratch holds */
};

#define TC_SHARED 1u
#define TC_DIRECT 2u /* nothing lies between the UC and what the zygote has: pages that are the same need no entry */
#define TC_CANDIDATES  8

/* A child, and how many pages of no file may be resident of it. */
struct tc_watched { uint32_t id, pages; };

struct tc_order {
	uint32_t magic, op;
	uint32_t id, flags;
	uint64_t a, b;
};

struct tc_reply {
	uint32_t op, id;
	int32_t  err;       /* 0 or errno */
	uint32_t n;         /* entries in scratch, bytes of text */
	uint64_t a, b;
};

/* One stretch of guest pages of a snapshot. */
enum {
	TC_COPIED = 1,  /* read from the arena at off */
	TC_MAPPED = 2,  /* mapped privately from file number `file` at off: ZYGOTE only */
	TC_ZEROED = 3,  /* anonymous again: hides what lies beneath */
	TC_PREFETCH_WRITE = 4, /* ZYGOTE only: a spare makes these writable before its order comes, for they will be written */
	TC_PREFETCH_READ = 5,    /* ZYGOTE only: a spare maps these before its order comes, for they will be read */
};

struct tc_extent {
	uint64_t addr, off;
	uint32_t pages;
	uint16_t kind, file;
};

/* The order to a spare, followed by extents, strings (see struct uc_host) and patches. */
struct tc_run {
	uint32_t magic, op;
	uint32_t how, flags;    /* UC_BOOT, UC_RESUME; UC_F_* */
	uint32_t pid, cpus;
	uint32_t extents, strings;
	uint32_t argc, envc, exe_off;
	uint32_t spilled;       /* 1: what follows is in the descriptor that comes last, not in this packet */
	uint64_t mem_limit, image_size;
	uint8_t  entropy[64];
	struct tc_machine { uint64_t hwcap, hwcap2, vdso_clock; uint32_t xsave_size, pad; } machine; /* as the root said it */
	uint64_t max_threads;
	uint32_t patches, pad; /* bytes */
};

/* One page of a UC that hibernated: over what the extents laid, or over zeros, the words that are other. */
#define TC_ON_ZEROS 0x80000000u
struct tc_patch { uint32_t page, bytes; }; /* address / 4096; bytes: of the tc_words that follow, and TC_ON_ZEROS */
struct tc_words { uint16_t first, words; }; /* then as many uint32_t */

/* An entry of a capture's table in scratch. */
enum {
	TC_PAGE_ZERO = 1, /* nothing but zeros: not in the arena */
	TC_PAGE_SAME = 2, /* as the zygote has it, so it does not belong to the diff of who is deployed from that */
	TC_PAGE_CANDIDATE = 4, /* as a candidate says: off is the candidate's */
};
struct tc_page {
	uint64_t addr;
	uint64_t off;      /* where its content was written; COPY: is to be written */
	uint32_t pages;
	uint32_t flags;
};

/* What a capture may find at an address, and where in the arena that is already. Sorted. */
struct tc_candidate { uint64_t addr, off; };

#define TC_ZYGOTE_FDS 3 /* the first descriptors of a ZYGOTE order: image, arena, scratch */
#define TC_SCRATCH (8u << 20) /* bytes of the scratch file of a zygote */
#define TC_EXTENTS_AT (TC_SCRATCH / 2)
#define TC_PACKET  65536u     /* of an order; longer ones spill */
#define TC_CHILDREN 65536u    /* places for children of one zygote */

_Static_assert(sizeof(struct tc_order) == 32, "tc_order");
_Static_assert(sizeof(struct tc_reply) == 32, "tc_reply");
_Static_assert(sizeof(struct tc_extent) == 24, "tc_extent");
_Static_assert(sizeof(struct tc_run) == 176, "tc_run");
_Static_assert(sizeof(struct tc_page) == 24, "tc_page");
_Static_assert(sizeof(struct tc_candidate) == 16, "tc_candidate");
#endif
