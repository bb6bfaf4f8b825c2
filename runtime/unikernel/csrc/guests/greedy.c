/* Takes memory until it is refused, touching all of it: refused with ENOMEM, by the limit, and the program lives
 * on. */
#include "check.h"
#include <fcntl.h>
#include <sys/mman.h>

#define MB (1ul << 20)

int main(void)
{
	size_t n = 0;
	static char *p[4096];
	while (n < 4096 && (p[n] = mmap(0, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
		memset(p[n++], 1, MB);
	if (n == 4096) { /* no limit given: nothing to prove */
		DONE();
	}
	CHECK(n > 16 && mmap(0, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
		errno == ENOMEM);
	/* Reserving is free, committing is not. */
	char *r = mmap(0, 1 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(r != MAP_FAILED && mprotect(r, 1 << 30, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM);
	/* /tmp is memory too. */
	int fd = open("/tmp/big", O_CREAT | O_RDWR, 0600), k = 0;
	CHECK(fd >= 0);
	while (k < 1000 && write(fd, p[0], MB) == (ssize_t)MB)
		k++;
	CHECK(k < 1000 && (errno == ENOSPC || errno == ENOMEM || errno == 0));
	printf("%zu MB\n", n);
	while (n)
		CHECK(munmap(p[--n], MB) == 0);
	CHECK((p[0] = mmap(0, 16 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED &&
		p[0][5] == 0);
	DONE();
}
