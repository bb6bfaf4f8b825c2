/*
 * memory.c: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), mincore(2), inside the
 * region.
 *
 * None of these is a call of the host. They change the book of mappings (vma.c), which decides what
 * is charged, what /proc/self/maps shows and what later calls find; the host mapping is one,
 * readable, writable and executable. So protection is not enforced: a program that writes to its
 * own read-only memory goes on, where Linux would kill it. What is unmapped is given back to the
 * host when it has been touched, and reads as zeros if it is mapped again.
 */
#include "base/state.h"
#include "host/host.h"
#include "mm/region.h"

/* mmap(2). An anonymous mapping is marked in the book and no more: its pages are zero because
 * nobody has touched them. MAP_STACK is how the C library asks for a thread's stack, which is
 * charged in part (vma.c). */
i64 sys_mmap(u64 at, u64 len, u64 prot, u64 flags, u64 fd, u64 off)
{
	if (!len || !(flags & (MAP_SHARED | MAP_PRIVATE)))
		return -EINVAL;
	/* A length that wraps, or is longer than the region, cannot be meant. */
	if (PAGE_UP(len) < len || len > UC_HIGH_END - UC_HIGH)
		return -ENOMEM;
	if (!(flags & MAP_ANONYMOUS)) {
		struct file *f = fd_file((u32)fd);
		return !f ? -EBADF : f->ops->map ? f->ops->map(f, at, len, prot, flags, off) : -ENODEV;
	}
	return vma_map(at, len, prot, flags, flags & MAP_STACK ? V_STACK : V_ANON);
}

/* munmap(2). The pages are given back to the host. */
i64 sys_munmap(u64 at, u64 len)
{
	if (at & (PAGE - 1) || !len || PAGE_UP(len) < len)
		return -EINVAL;
	if (!in_region(at, PAGE_UP(len)))
		return -EINVAL;
	return vma_remove(at, at + PAGE_UP(len), 0);
}

/* mprotect(2). The flags for stacks that grow are accepted and mean nothing: no stack grows here. */
i64 sys_mprotect(u64 at, u64 len, u64 prot)
{
	if (at & (PAGE - 1) || prot & ~(u64)(PROT_RWX | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (!len)
		return 0;
	if (!in_region(at, PAGE_UP(len)))
		return -ENOMEM;
	return vma_protect(at, at + PAGE_UP(len), prot & PROT_RWX);
}

/* brk(2): the end of the heap, or the old end if that cannot be. The heap lies in LOW, behind the
 * program. */
i64 sys_brk(u64 to)
{
	/* brk(2): not an error, just the old end. */
	if (to < S->brk_start || to > UC_LOW_END)
		return S->brk;
	u64 old = PAGE_UP(S->brk), now = PAGE_UP(to);
	if (now > old &&
		(!is_free(old, now - old) || vma_map(old, now - old, PROT_READ | PROT_WRITE, MAP_FIXED, V_HEAP) < 0))
		return S->brk;
	if (now < old && vma_remove(now, old, 0))
		return S->brk;
	S->brk = to;
	return to;
}

/* mremap(2). A mapping grows in place where the next addresses are free; else it moves, and its
 * bytes are copied, since there is no page table of its own to move. */
i64 sys_mremap(u64 at, u64 old, u64 len, u64 flags, u64 to)
{
	struct vma *v = vma_find(at);
	if (at & (PAGE - 1) || !len || flags & ~(u64)(MREMAP_MAYMOVE | MREMAP_FIXED) || !in_region(at, old) ||
		len > UC_HIGH_END - UC_HIGH)
		return -EINVAL;
	old = PAGE_UP(old), len = PAGE_UP(len);
	/* A shared mapping of a file is the file's buffer: tmpfs knows whether that can grow. */
	if (v && v->kind == V_LIBOS && !(flags & MREMAP_FIXED))
		return tmp_remap(at, old, len);
	if (!v || v->kind == V_LIBOS || v->end < at + old || !old)
		return -EFAULT;
	/* The entry may move while mappings are added. */
	int prot = v->prot, kind = v->kind;
	if (!(flags & MREMAP_FIXED)) {
		/* Shrinking gives back the end. */
		if (len <= old) {
			i64 r = len < old ? vma_remove(at + len, at + old, 0) : 0;
			return r ? r : (i64)at;
		}
		if (v->end == at + old && in_region(at, len) && is_free(at + old, len - old)) {
			i64 r = vma_map(at + old, len - old, prot, MAP_FIXED, kind);
			return r < 0 ? r : (i64)at;
		}
		if (!(flags & MREMAP_MAYMOVE))
			return -ENOMEM;
	}
	i64 r = vma_map(to, len, prot, flags & MREMAP_FIXED ? MAP_FIXED : 0, kind);
	if (r < 0)
		return r;
	memcpy((void *)r, (void *)at, MIN(old, len));
	vma_remove(at, at + old, 0);
	return r;
}

/* madvise(2). Discarding is the advice that counts: it gives memory back to the host. */
i64 sys_madvise(u64 at, u64 len, u64 advice)
{
	/* Ranges with holes are passed over: advice is not checked as strictly as mprotect. */
	u64 end = at + PAGE_UP(len);
	if (at & (PAGE - 1))
		return -EINVAL;
	if (advice != MADV_DONTNEED && advice != MADV_FREE)
		/* the others are hints */
		return advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE ? -EPERM : 0;
	if (!in_region(at, PAGE_UP(len)))
		return -ENOMEM;
	/* MADV_FREE may keep what is there; over snapshot pages keeping is cheaper than zeroing. */
	if (advice == MADV_FREE && (at < S->snap_top && S->pub.resumes))
		return 0;
	for (u32 i = vma_index(at); i < S->nvmas && S->vmas[i].start < end; i++) {
		struct vma *v = &S->vmas[i];
		/* A copy of a file would lose its content for good: nobody reads it in again. */
		if (v->kind != V_FILE && v->kind != V_LIBOS && v->flags & VF_TOUCHED)
			host_discard(MAX(at, v->start), MIN(end, v->end));
	}
	return 0;
}

/* mincore(2). What is mapped is in core, as far as a guest can tell: there is no swap of its own. */
i64 sys_mincore(u64 at, u64 len, u64 vec)
{
	static const u8 one = 1;
	for (u64 p = at; p < at + PAGE_UP(len); p += PAGE, vec++) {
		if (!vma_find(p))
			return -ENOMEM;
		if (to_user(vec, &one, 1))
			return -EFAULT;
	}
	return 0;
}

/* The answer of calls that have nothing to do (calls.c). */
i64 sys_zero(void) { return 0; }
