/*
 * patch.c: see patch.h. A run is struct tc_words and then its words:
 *
 *   first = 6, words = 2, the 7th and the 8th word of the page
 *   first = 1000, words = 1, the 1001st word
 *
 * Words of 4 bytes: most differences are counters, lengths and halves of pointers.
 */
#include "patch.h"

enum { WORDS = PAGE / sizeof(u32) };

/* A run goes on over one equal word, because the head of a new run costs as much as that word. Runs
 * that together are longer than a page are replaced by one run, the whole page. */
u32 patch_runs(const u8 *page, const u8 *beneath, u8 *out)
{
	const u32 *a = (const u32 *)page, *b = (const u32 *)beneath;
	u32 n = 0;
	for (u32 i = 0, end; i < WORDS; i = end) {
		end = i + 1;
		/* Most words are equal: two at a time. */
		if (!(i & 1) && *(const u64 *)(a + i) == *(const u64 *)(b + i)) {
			end = i + 2;
			continue;
		}
		if (a[i] == b[i])
			continue;
		while (end < WORDS && (a[end] != b[end] || (end + 1 < WORDS && a[end + 1] != b[end + 1])))
			end++;
		/* Numbers of words fit: a page has 1024. */
		struct tc_words w = { i, end - i };
		if (n + sizeof w + w.words * 4 > PAGE) {
			w = (struct tc_words){ 0, WORDS };
			memcpy(out, &w, sizeof w);
			memcpy(out + sizeof w, page, PAGE);
			return PATCH_MAX;
		}
		memcpy(out + n, &w, sizeof w);
		memcpy(out + n + sizeof w, a + i, w.words * 4);
		n += sizeof w + w.words * 4;
	}
	return n;
}

/* Patches come from the platform, which made them by patch_runs: their runs lie within a page. */
static void apply(u8 *page, const u8 *runs, u32 n)
{
	for (u32 i = 0; i < n;) {
		const struct tc_words *w = (const struct tc_words *)(runs + i);
		memcpy(page + w->first * 4, w + 1, w->words * 4);
		i += sizeof *w + w->words * 4;
	}
}

const struct tc_patch *patch_next(const u8 *patches, u32 n, u32 *at)
{
	const struct tc_patch *h = (const struct tc_patch *)(patches + *at);
	if (n - *at < sizeof *h || n - *at - sizeof *h < patch_bytes(h))
		return NULL;
	/* The runs follow their head. */
	*at += sizeof *h + patch_bytes(h);
	return h;
}

void patch_page(u8 *page, const struct tc_patch *h)
{
	if (h->bytes & TC_ON_ZEROS)
		memset(page, 0, PAGE);
	apply(page, (const u8 *)(h + 1), patch_bytes(h));
}
