/* memory.c: mmap, munmap, mprotect, mremap, brk, madvise, inside the region. */
#include "mm/vma.h"

void memory_init(void)
{
	S->hint = UC_HIGH + UC_STATE_SIZE;
	S->snap_top = UC_HIGH;
	S->pub.low_top = UC_LOW;
	S->pub.high_top = UC_STATE + UC_STATE_SIZE;
}

static int in_region(u64 a, u64 len)
{
	return (a >= UC_LOW && a <= UC_LOW_END && len <= UC_LOW_END - a) ||
	       (a >= UC_HIGH + UC_STATE_SIZE && a <= UC_HIGH_END && len <= UC_HIGH_END - a);
}

static int is_free(u64 a, u64 len)
{
	u32 i = vma_index(a);
	return i == S->nvmas || S->vmas[i].start >= a + len;
}

/* The address, or an errno. What was mapped there is gone if MAP_FIXED. */
i64 vma_map(u64 at, u64 len, int prot, int flags, u8 kind)
{
	struct vma v = { .prot = prot & 7, .kind = kind, .flags = prot & 7 || kind == V_FILE ? VF_TOUCHED : 0 };
	len = PAGE_UP(len);
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (at & (PAGE - 1))
			return -EINVAL;
		if (!in_region(at, len))
			return -ENOMEM;
		if (flags & MAP_FIXED_NOREPLACE && !is_free(at, len))
			return -EEXIST;
	} else {
		at = PAGE_UP(at);
		if (!in_region(at, len) || !is_free(at, len))
			at = vma_gap(len);
		if (!at)
			return -ENOMEM;
	}
	v.start = at, v.end = at + len;
	if (flags & MAP_FIXED && !is_free(at, len) && vma_remove(at, at + len, 0))
		return -ENOMEM;
	if (!is_free(at, len))
		return -EINVAL; /* the libOS's own */
	if (!vma_room(&v, 0) || vma_insert(&v))
		return -ENOMEM;
	return at;
}

u64 region_alloc(u64 len, u8 kind)
{
	i64 r = vma_map(0, len, PROT_READ | PROT_WRITE, 0, kind);
	return r < 0 ? 0 : r;
}

void region_free(u64 start, u64 len) { vma_remove(start, start + PAGE_UP(len), 1); }

/* A private mapping of a file is a copy: no host mapping of a file exists that a guest could name. */
static i64 map_file(u64 at, u64 len, int prot, int flags, int fd, u64 off)
{
	struct file *f = fd_file(fd);
	const u8 *p;
	u64 size;
	if (!f)
		return -EBADF;
	if (f->kind == K_ZERO)
		return vma_map(at, len, prot, flags, V_ANON);
	if (f->kind != K_FILE)
		return -ENODEV;
	if (off & (PAGE - 1))
		return -EINVAL;
	if (flags & MAP_SHARED && f->fs == FS_TMP)
		return tmp_share(f->node, off, len);
	if (flags & MAP_SHARED && prot & PROT_WRITE)
		return -EACCES;
	i64 r = vnode_bytes((struct vnode){ f->fs, f->node }, &p, &size);
	if (r < 0)
		return r;
	r = vma_map(at, len, prot, flags, V_FILE);
	if (r >= 0) {
		struct vma *v = vma_find(r);
		v->fs = f->fs, v->inode = f->node, v->pgoff = off / PAGE;
		if (off < size)
			memcpy((void *)r, p + off, MIN(len, size - off));
	}
	return r;
}

i64 sys_mmap(u64 at, u64 len, u64 prot, u64 flags, u64 fd, u64 off)
{
	if (!len || !(flags & 3))
		return -EINVAL;
	if (PAGE_UP(len) < len || len > UC_HIGH_END - UC_HIGH)
		return -ENOMEM;
	if (!(flags & MAP_ANONYMOUS))
		return map_file(at, len, prot, flags, fd, off);
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
	if (at & (PAGE - 1) || prot & ~0x3000007ull)
		return -EINVAL;
	if (!len)
		return 0;
	if (!in_region(at, PAGE_UP(len)))
		return -ENOMEM;
	return vma_protect(at, at + PAGE_UP(len), prot & 7);
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
	if (at & (PAGE - 1) || !len || flags & ~3ull || !in_region(at, old) || len > UC_HIGH_END - UC_HIGH)
		return -EINVAL;
	old = PAGE_UP(old), len = PAGE_UP(len);
	if (v && v->kind == V_LIBOS && !(flags & 2))
		return tmp_remap(at, old, len);
	if (!v || v->kind == V_LIBOS || v->end < at + old || !old)
		return -EFAULT;
	int prot = v->prot, kind = v->kind;
	if (!(flags & 2)) {
		if (len <= old) {
			i64 r = len < old ? vma_remove(at + len, at + old, 0) : 0;
			return r ? r : (i64)at;
		}
		if (v->end == at + old && in_region(at, len) && is_free(at + old, len - old)) {
			i64 r = vma_map(at + old, len - old, prot, MAP_FIXED, kind);
			return r < 0 ? r : (i64)at;
		}
		if (!(flags & 1))
			return -ENOMEM;
	}
	i64 r = vma_map(to, len, prot, flags & 2 ? MAP_FIXED : 0, kind);
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
	if (advice != 4 && advice != 8)
		return advice == 100 || advice == 101 ? -EPERM : 0; /* the others are hints */
	if (!in_region(at, PAGE_UP(len)))
		return -ENOMEM;
	/* MADV_FREE may keep what is there; over snapshot pages keeping is cheaper than zeroing. */
	if (advice == 8 && (at < S->snap_top && S->pub.resumes))
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
