/*
 * memory.c: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), mincore(2), inside the region.
 */
#include "core/state.h"
#include "host/host.h"
#include "mm/region.h"

i64 sys_mmap(u64 at, u64 len, u64 prot, u64 flags, u64 fd, u64 off)
{
	if (!len || !(flags & (MAP_SHARED | MAP_PRIVATE)))
		return -EINVAL;
	if (PAGE_UP(len) < len || len > UC_HIGH_END - UC_HIGH)
		return -ENOMEM;
	if (!(flags & MAP_ANONYMOUS)) {
		struct file *f = fd_file((u32)fd);
		return !f ? -EBADF : f->ops->map ? f->ops->map(f, at, len, prot, flags, off) : -ENODEV;
	}
	return vma_map(at, len, prot, flags, flags & MAP_STACK ? V_STACK : V_ANON);
}

i64 sys_munmap(u64 at, u64 len)
{
	if (at & (PAGE - 1) || !len || PAGE_UP(len) < len)
		return -EINVAL;
	if (!in_region(at, PAGE_UP(len)))
		return -EINVAL;
	return vma_remove(at, at + PAGE_UP(len), 0);
}

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

i64 sys_brk(u64 to)
{
	if (to < S->brk_start || to > UC_LOW_END)
		return S->brk;
	u64 old = PAGE_UP(S->brk), now = PAGE_UP(to);
	if (now > old && (!is_free(old, now - old) ||
			  vma_map(old, now - old, PROT_READ | PROT_WRITE, MAP_FIXED, V_HEAP) < 0))
		return S->brk;
	if (now < old && vma_remove(now, old, 0))
		return S->brk;
	S->brk = to;
	return to;
}

i64 sys_mremap(u64 at, u64 old, u64 len, u64 flags, u64 to)
{
	struct vma *v = vma_find(at);
	if (at & (PAGE - 1) || !len || flags & ~(u64)(MREMAP_MAYMOVE | MREMAP_FIXED) || !in_region(at, old) || len > UC_HIGH_END - UC_HIGH)
		return -EINVAL;
	old = PAGE_UP(old), len = PAGE_UP(len);
	if (v && v->kind == V_LIBOS && !(flags & MREMAP_FIXED))
		return tmp_remap(at, old, len);
	if (!v || v->kind == V_LIBOS || v->end < at + old || !old)
		return -EFAULT;
	int prot = v->prot, kind = v->kind;
	if (!(flags & MREMAP_FIXED)) {
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

i64 sys_madvise(u64 at, u64 len, u64 advice)
{
	u64 end = at + PAGE_UP(len);
	if (at & (PAGE - 1))
		return -EINVAL;
	if (advice != MADV_DONTNEED && advice != MADV_FREE)
		return advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE ? -EPERM : 0; /* the others are hints */
	if (!in_region(at, PAGE_UP(len)))
		return -ENOMEM;
	/* MADV_FREE may keep what is there; over snapshot pages keeping is cheaper than zeroing. */
	if (advice == MADV_FREE && (at < S->snap_top && S->pub.resumes))
		return 0;
	for (u32 i = vma_index(at); i < S->nvmas && S->vmas[i].start < end; i++) {
		struct vma *v = &S->vmas[i];
		if (v->kind != V_FILE && v->kind != V_LIBOS && v->flags & VF_TOUCHED)
			host_discard(MAX(at, v->start), MIN(end, v->end));
	}
	return 0;
}

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

i64 sys_zero(void) { return 0; }
