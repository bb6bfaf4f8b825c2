/* mmap, munmap in parts, mprotect, mremap, brk, madvise: fresh pages are zero, however they came about. */
#include "check.h"
#include <stdint.h>
#include <sys/mman.h>

#define MB (1ul << 20)
static char *map(void *at, size_t n, int prot, int flags)
{
	return mmap(at, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}
static int zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return 0;
	return 1;
}

int main(void)
{
	char *p = map(0, 4 * MB, PROT_READ | PROT_WRITE, 0);
	CHECK(p != MAP_FAILED && zero(p, 4 * MB));
	memset(p, 1, 4 * MB);
	CHECK(munmap(p + MB, MB) == 0);
	CHECK(p[0] == 1 && p[2 * MB] == 1);
	CHECK(map(p + MB, MB, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE) == p + MB && zero(p + MB, MB));
	CHECK(map(p, MB, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE) == MAP_FAILED && errno == EEXIST);
	CHECK(madvise(p + 2 * MB, MB, MADV_DONTNEED) == 0 && zero(p + 2 * MB, MB) && p[3 * MB] == 1);
	CHECK(map(p, MB, PROT_READ | PROT_WRITE, MAP_FIXED) == p && zero(p, MB));
	/* V8: reserve much, trim to alignment, commit pieces. */
	char *r = map(0, 11ul << 30, PROT_NONE, MAP_NORESERVE);
	CHECK(r != MAP_FAILED);
	char *a = (char *)(((uintptr_t)r + (1ul << 32) - 1) & ~((1ul << 32) - 1));
	CHECK(a == r || munmap(r, a - r) == 0);
	CHECK(munmap(a + (4ul << 30), r + (11ul << 30) - a - (4ul << 30)) == 0);
	CHECK(mprotect(a, MB, PROT_READ | PROT_WRITE) == 0);
	a[12345] = 7;
	CHECK(munmap(a, 4ul << 30) == 0);
	CHECK(mprotect(a, MB, PROT_READ) == -1 && errno == ENOMEM);
	/* mremap moves what is there and gives zeros behind it. */
	char *q = map(0, MB, PROT_READ | PROT_WRITE, 0);
	char *wall = map(q + MB, 4096, PROT_NONE, MAP_FIXED_NOREPLACE);
	memset(q, 5, MB);
	char *m = mremap(q, MB, 8 * MB, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED && m[0] == 5 && m[MB - 1] == 5 && zero(m + MB, 7 * MB));
	CHECK(wall == MAP_FAILED || m != q);
	CHECK(mremap(m, 8 * MB, MB, 0) == m);
	char *b = sbrk(3 * MB);
	CHECK(b != (char *)-1 && zero(b, 3 * MB));
	memset(b, 9, 3 * MB);
	CHECK(sbrk(-3 * (intptr_t)MB) != (void *)-1);
	CHECK(sbrk(3 * MB) == b && zero(b, 3 * MB));
	/* Many small mappings, freed in another order. */
	static char *many[3000];
	for (int i = 0; i < 3000; i++)
		CHECK((many[i] = map(0, 8192, PROT_READ | (i & 1 ? PROT_WRITE : 0), 0)) != MAP_FAILED);
	for (int i = 0; i < 3000; i++)
		CHECK(munmap(many[i * 7 % 3000], 8192) == 0);
	FAILS(munmap(p + 1, 4096), EINVAL);
	CHECK(map(0, 1ul << 46, PROT_READ, 0) == MAP_FAILED && errno == ENOMEM);
	DONE();
}
