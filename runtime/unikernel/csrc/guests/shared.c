/* A file that is mapped shared grows, and all mappings and descriptors see the same bytes. */
#include "check.h"
#include <fcntl.h>
#include <sys/mman.h>

int main(void)
{
	const size_t page = 4096, large = 1 << 20;
	char b[8];
	int fd = open("/tmp/shared", O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0 && ftruncate(fd, page) == 0);
	char *first = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(first != MAP_FAILED);
	strcpy(first, "hello");
	CHECK(ftruncate(fd, large) == 0 && pwrite(fd, "tail", 5, large - 5) == 5);
	char *all = mmap(NULL, large, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(all != MAP_FAILED && !strcmp(all, "hello") && !strcmp(all + large - 5, "tail"));
	char *last = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, large - page);
	CHECK(last != MAP_FAILED && !strcmp(last + page - 5, "tail"));
	first[0] = 'j';
	CHECK(pread(fd, b, 6, 0) == 6 && !strcmp(b, "jello") && all[0] == 'j');
	/* Its bytes appear where it grows, not those of before. */
	CHECK(ftruncate(fd, page) == 0 && ftruncate(fd, large) == 0 && pread(fd, b, 1, large - 5) == 1 && !b[0]);
	char *longer = mremap(first, page, 2 * large, MREMAP_MAYMOVE);
	CHECK(longer != MAP_FAILED && longer[0] == 'j');
	CHECK(ftruncate(fd, 2 * large) == 0);
	longer[2 * large - 1] = 'z';
	CHECK(pread(fd, b, 1, 2 * large - 1) == 1 && b[0] == 'z');
	close(fd);
	CHECK(unlink("/tmp/shared") == 0);
	DONE();
}
