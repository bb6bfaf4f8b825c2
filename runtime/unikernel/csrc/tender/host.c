/* host.c: see host.h. */
#include "host.h"
#include <asm/hwcap2.h>

void host_block(struct uc_host *h, const struct tc_run *r)
{
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
	__atomic_store_n(&h->magic, UC_MAGIC, __ATOMIC_RELEASE);
}
