/*
 * tender.h: what all rooms of the tender know. The tender is one static program at UC_TENDER
 * (abi/uc.h) that runs in three roles:
 *
 *   root    pid 1 of its own namespaces. The platform starts it once. It prepares the world and
 *           becomes the first zygote.
 *   zygote  holds a prefix of a snapshot stack mapped, carries out the platform's orders (control.h)
 *           and forks spares.
 *   spare   a fork of a zygote that waits for one order, lays pages over what it inherited, and
 *           becomes a UC or a zygote.
 *
 * Rooms from the ground up. A room names only rooms that stand before it: a test follows includes
 * and references.
 *
 *   all roles  fork.S, common/string.c, wire.c (packets), capability.c
 *   spare      map.c, host.c (the host block), patch.c (a page in words), order.c (unspill, lay), prefetch.c, spare.c
 *   zygote     child.c (table, fork, kill), proc.c (/proc/PID, memory of a child), private.c (private-page list),
 *              pages.c (scan, list, read, copy)
 *              capture.c, patches.c, reset.c, watch.c
 *   on top     zygote.c (the loop), setup.c (the root's world), main.c, start.S, id.c
 *
 * Names begin with what they belong to: FD_ a descriptor, ZYGOTE_ an address, TC_ the protocol, UC_
 * the ABI of a UC, PROC_ a file of /proc/PID.
 */
#ifndef TENDER_H
#define TENDER_H

#include "sys.h"
#include "control.h"
#include "../../abi/uc.h"

/* Descriptors of a zygote. FD_CONTROL is its control socket, or the channel of a spare. */
enum {
	FD_CONTROL = UC_CHANNEL_FD,
	FD_LIBOS = 4, /* the libOS's ELF */
	FD_PROC = 5, /* a procfs of the root's pid namespace, attached nowhere */
	FD_HUGE = 6, /* a tmpfs of huge pages, attached nowhere; absent where the kernel has none */
	FD_ARENA = 7, /* pages of all snapshots */
	FD_SCRATCH = 8, /* TC_SCRATCH bytes shared with the platform: tables of orders and replies */
	FD_FIRST_FREE = 16,
};

/* Mappings of a zygote that its children do not inherit (MADV_DONTFORK). All lie between
 * UC_HIGH_END and UC_LIBOS. */
#define ZYGOTE_CHILDREN 0x00007d8000000000ull /* struct child[TC_CHILDREN] */
#define ZYGOTE_SCRATCH 0x00007d8010000000ull /* FD_SCRATCH */
#define ZYGOTE_BUFFER 0x00007d8020000000ull /* of a capture: pages at hand, then the list of all */
#define ZYGOTE_BUFFER_SIZE TC_SCRATCH
#define ZYGOTE_PRIVATE 0x00007d8040000000ull /* the private-page list of each child, see private.c */
#define ZYGOTE_ARENA 0x00007d9000000000ull /* FD_ARENA, as much of it as there is */
#define ZYGOTE_ARENA_SIZE (256ull << 30)
#define ZYGOTE_COPY 0x00007de000000000ull /* the target of a COPY, for as long as the order takes */

/* A mapping of a zygote that its spares do inherit, and read: prefetch.c. It ends where the
 * tender's range ends. */
#define ZYGOTE_PREFETCH 0x00007e00001d0000ull
#define ZYGOTE_PREFETCH_SIZE 0x10000ull
_Static_assert(ZYGOTE_PREFETCH + ZYGOTE_PREFETCH_SIZE == UC_TENDER + UC_TENDER_SIZE, "the last of the tender's range");

/*
 * Marks data that a zygote writes. A zygote and its spares share these pages (start.S), so a write
 * by a spare would corrupt its zygote. The link refuses writable data without the mark (tender.ld).
 * A test follows every reference from a spare's entry and refuses those that lead to marked data,
 * but for data that spares only read (SHARED_WITH_SPARES).
 */
#define ZYGOTE_DATA __attribute__((section(".bss.zygote")))
#define SHARED_WITH_SPARES __attribute__((section(".bss.zygote.shared")))

/* A table of page ranges, most often in scratch. */
struct table {
	struct tc_page *p;
	u32 n, max; /* entries: how many there are, how many fit */
};

/* Scratch as most orders use it: struct uc_state in the first page, then the table of the order or
 * the reply. */
#define SCRATCH_STATE ((struct uc_state *)ZYGOTE_SCRATCH)
#define SCRATCH_TABLE ((struct tc_page *)(ZYGOTE_SCRATCH + PAGE))
#define SCRATCH_ENTRIES ((TC_SCRATCH - PAGE) / sizeof(struct tc_page))
_Static_assert(sizeof(struct uc_state) <= PAGE, "the state fits before the table");

/* struct uc_libos of the libOS that is mapped here. */
#define LIBOS ((const struct uc_libos *)UC_LIBOS_HEADER)
#endif
