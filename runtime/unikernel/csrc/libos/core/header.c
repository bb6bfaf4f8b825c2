/*
 * header.c: struct uc_libos, at UC_LIBOS_HEADER: how a tender learns where to enter, and which
 * sources this binary was built from.
 */
#include "base/state.h"
#include "libos_id.h"

void on_signal(int, void *, void *); /* entry.c */

/* The linker script keeps this section at the header's address, in front of all other code but the
 * first instructions. */
__attribute__((section(".data.rel.ro.header"), used)) static const struct uc_libos header = {
	.magic = UC_MAGIC,
	.abi = UC_ABI,
	.id = LIBOS_ID,
	.enter = (u64)uc_enter,
	.on_signal = (u64)on_signal,
	.restorer = (u64)uc_restorer,
	.state_size = sizeof(struct state),
	.leave = (u64)uc_leave,
	.after_reset = (u64)uc_after_reset,
	.altstack = { UC_STACK, 0, 0, UC_STACK_SIZE },
};
/* start.S has these two addresses as numbers. */
_Static_assert(UC_ALTSTACK == 0x7e0000000098 && UC_STACK + UC_STACK_SIZE == 0x7e0000180000, "uc_after_reset");
