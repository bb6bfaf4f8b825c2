/*
 * A guest that knows the libOS and attacks it. hostile WAY makes one attack, which must end it; the Go test
 * checks how:
 *   stub NUMBER   jumps to the libOS's own system call instruction with a call of its choice
 *   reset NUMBER  the same with the instruction that sets the signal stack, and other arguments
 *   direct        a system call of its own, as a 32-bit program would make it (int 0x80)
 *   text          writes over the libOS
 *   host          writes over the host block
 *   state         writes over all of the libOS's state
 * Without argument: what a guest may do to itself without harm. Prints SUCCESS.
 */
#include "check.h"
#include "../../abi/uc.h"

static long stub(long n, long a, long b, long c, long d, long e, long f)
{
	long r;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	/* The stub is "syscall; ret": call it. */
	__asm__ volatile("call *%%rbx"
					 : "=a"(r)
					 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), "b"(UC_LIBOS)
					 : "rcx", "r11", "memory");
	return r;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	if (!strcmp(way, "stub"))
		printf("came back with %ld\n", stub(atol(argv[2]), 0, 0, 0, 0, 0, 0));
	else if (!strcmp(way, "reset"))
		__asm__ volatile("jmp *%0"
						 :
						 : "b"(UC_RESET_IP - 2), "a"(atol(argv[2])), "D"("a signal stack of its own"), "S"(0L)
						 : "memory");
	else if (!strcmp(way, "mmap")) /* outside of the region */
		printf("came back with %lx\n", stub(9, 0x7f0000000000, 4096, 7, 0x4032, -1, 0));
	else if (!strcmp(way, "mapfile")) /* in the region, but not anonymous */
		printf("came back with %lx\n", stub(9, 0x2000000000, 4096, 7, 0x12, 3, 0));
	else if (!strcmp(way, "madvise")) /* in the region, but MADV_POPULATE_WRITE */
		printf("came back with %lx\n", stub(28, 0x2000000000, 4096, 23, 0, 0, 0));
	else if (!strcmp(way, "sendto"))
		printf("came back with %lx\n", stub(44, 1, (long)"x", 1, 0, 0, 0));
	else if (!strcmp(way, "direct"))
		__asm__ volatile("int $0x80" : : "a"(20));
	else if (!strcmp(way, "text"))
		*(volatile char *)UC_LIBOS = 0;
	else if (!strcmp(way, "host"))
		*(volatile int *)UC_HOST = 0;
	else if (!strcmp(way, "state"))
		memset((void *)UC_STATE, 0xff, 1 << 20), getpid();
	else if (way[0])
		return 2;
	CHECK(!way[0]);
	/* What the filter allows does no harm, whoever calls it. */
	char t[16];
	CHECK(stub(228, 1, (long)t, 0, 0, 0, 0) == 0);
	CHECK(stub(318, (long)t, 8, 0, 0, 0, 0) == 8);
	DONE();
}
