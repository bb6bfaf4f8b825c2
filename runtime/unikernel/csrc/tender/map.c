/*
 * map.c: see map.h. A fork copies the page tables of every mapping that is not marked
 * MADV_DONTFORK. What a zygote alone needs is marked, so that a fork costs what its child uses.
 */
#include "map.h"

#define PIDFD_SELF (-10000) /* PIDFD_SELF_THREAD_GROUP of <linux/pidfd.h> since Linux 6.14 */
#define MAX_RANGES 1024 /* UIO_MAXIOV: of one call */

i64 map_alone(u64 at, u64 len, int fd)
{
	const int flags = MAP_FIXED | MAP_NORESERVE | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
	i64 r = SYS6(mmap, at, len, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (FAILED(r))
		return r;
	/* A fork would copy page tables that the child never reads. */
	return SYS3(madvise, at, len, MADV_DONTFORK);
}

/* process_madvise(2) takes many ranges in one call, for the caller itself since Linux 6.14. Older
 * kernels need a call a range. */
void populate(const struct iovec *v, u32 n, int advice)
{
	for (u32 i = 0; i < n;) {
		u32 k = MIN(n - i, MAX_RANGES);
		i64 r = SYS5(process_madvise, PIDFD_SELF, v + i, k, advice, 0);
		if (r < 0)
			for (u32 j = i; j < i + k; j++)
				SYS3(madvise, v[j].iov_base, v[j].iov_len, advice);
		i += k;
	}
}

/* Under a hypervisor that shadows page tables, the first access to a mapped page costs a fault of
 * the hypervisor's. A spare pays for it while it waits, not when its order has come. */
void touch(const struct iovec *v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		for (u64 at = 0; at < v[i].iov_len; at += PAGE) {
			volatile u8 *p = (volatile u8 *)v[i].iov_base + at;
			*p = *p;
		}
}
