/*
 * trim.c: an idle UC gives back the pages that are, but for some words, what lies beneath them, and keeps the words: the patches of
 * Difference Engine (Gupta et al., OSDI 2008). The host side finds them while the UC sleeps, as for a capture. Until the patches are
 * laid again nothing of the region but the state may be touched, so the UC goes straight back to sleep.
 */
#include "state.h"

/* An entry of the packet UC_MSG_PATCHES, and one of its runs. */
struct patch { u32 page, bytes; };
struct run { u16 first, words; };

#define MADV_DONTNEED       4
#define MADV_POPULATE_WRITE 23

static void advise(u64 page, u64 pages, int advice)
{
	if (pages)
		hostcall(__NR_madvise, page * PAGE, pages * PAGE, advice, 0, 0, 0);
}

/* Stretches of pages that have a patch, or with any, of all that are named. */
static void advise_all(u64 n, int any, int advice)
{
	u64 at = 0, run = 0;
	for (u64 i = sizeof(struct uc_msg); i < n;) {
		const struct patch *p = (const struct patch *)(S->patches + i);
		i += sizeof *p + p->bytes;
		if (!any && !p->bytes)
			continue;
		if (p->page != at + run) {
			advise(at, run, advice);
			at = p->page, run = 0;
		}
		run++;
	}
	advise(at, run, advice);
}

/* Whether the UC may go back to sleep as it was. packet is what woke it: UC_MSG_TRIM. */
int trim(const struct uc_msg *packet, int first)
{
	const struct uc_msg *m = (const struct uc_msg *)S->patches;
	i64 n;
	do
		n = hostcall(__NR_recvfrom, UC_CHANNEL_FD, (u64)S->patches, sizeof S->patches, 0, 0, 0);
	while (n == -EINTR);
	if (n < (i64)sizeof *m || m->type != UC_MSG_PATCHES || m->len != n - sizeof *m)
		uc_end(UC_EXIT_REFUSED, 0, "malformed packet on the channel");
	if (!first || packet->arg + 1 != S->pub.wakes) {
		advise((u64)S->patches / PAGE, sizeof S->patches / PAGE, MADV_DONTNEED);
		return 0;
	}
	advise_all(n, 1, MADV_DONTNEED);
	S->patched = n;
	return 1;
}

/* The first thing that a trimmed UC does when it wakes. */
void trim_undo(void)
{
	const struct uc_msg *m = (const struct uc_msg *)S->patches;
	advise_all(S->patched, 0, MADV_POPULATE_WRITE);
	for (u32 i = sizeof *m; i < S->patched;) {
		const struct patch *p = (const struct patch *)(S->patches + i);
		u32 *page = (u32 *)(p->page * PAGE);
		i += sizeof *p;
		for (u32 end = i + p->bytes; i < end;) {
			const struct run *r = (const struct run *)(S->patches + i);
			memcpy(page + r->first, r + 1, r->words * 4);
			i += sizeof *r + r->words * 4;
		}
	}
	advise((u64)S->patches / PAGE, PAGE_UP(S->patched) / PAGE, MADV_DONTNEED);
	S->patched = 0;
}
