/*
 * host.c: see host.h. Everything in the block is the platform's or the machine's word. Nothing
 * comes from a guest, and a guest cannot write it.
 */
#include "host.h"
#include <asm/hwcap2.h>

/* A spare fills its own block in. A zygote fills in a copy and writes it into a UC that was reset. */
void host_block(struct uc_host *h, const struct tc_run *r)
{
	/* The magic is 0 meanwhile, so the zygote leaves the block alone. */
	memset(h, 0, sizeof *h);
	h->abi = UC_ABI;
	h->flags = r->flags | (r->machine.hwcap2 & HWCAP2_FSGSBASE ? UC_F_FSGSBASE : 0);
	h->pid = r->pid;
	memcpy(h->entropy, r->entropy, sizeof h->entropy);
	h->vdso_clock = r->machine.vdso_clock;
	h->image_size = r->image_size;
	h->mem_limit = r->mem_limit;
	h->max_threads = r->max_threads;
	h->hwcap = r->machine.hwcap;
	h->hwcap2 = r->machine.hwcap2;
	h->xsave_size = r->machine.xsave_size;
	h->cpus = r->cpus;
	h->argc = r->argc;
	h->envc = r->envc;
	h->exe_off = r->exe_off;
	h->strings_len = r->strings;
	/* A zygote that sees the magic may write limits: all else must be written before. */
	__atomic_store_n(&h->magic, UC_MAGIC, __ATOMIC_RELEASE);
}
