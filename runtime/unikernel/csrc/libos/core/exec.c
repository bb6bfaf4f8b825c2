/* exec.c: what execve does, once: loads the program and its interpreter from the image and builds the first stack. */
#include "core/exec.h"
#include "core/state.h"
#include "fs/image.h"
#include "fs/mounts.h"
#include "fs/package.h"
#include "ipc/driver.h"
#include "mm/region.h"
#include <elf.h>

#define EFL_START 0x202 /* interrupts on, and the bit that is always 1 */

struct program { u64 base, entry, phdr, phnum, end; char interp[256]; };

static i64 load_elf(const char *path, struct program *p)
{
	struct vnode v;
	const u8 *file;
	u64 size, low = ~0ull, high = 0;
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r < 0 || (r = vnode_bytes(v, &file, &size)) < 0)
		return r;
	const Elf64_Ehdr *e = (const void *)file;
	if (size < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_machine != EM_X86_64 ||
	    e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > size || e->e_phnum > (size - e->e_phoff) / sizeof(Elf64_Phdr))
		return -ENOEXEC;
	const Elf64_Phdr *ph = (const void *)(file + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD && ph[i].p_type != PT_INTERP)
			continue;
		if (ph[i].p_offset > size || ph[i].p_filesz > size - ph[i].p_offset || ph[i].p_filesz > ph[i].p_memsz)
			return -ENOEXEC;
		if (ph[i].p_type == PT_INTERP) {
			if (ph[i].p_filesz >= sizeof p->interp)
				return -ENOEXEC;
			memcpy(p->interp, file + ph[i].p_offset, ph[i].p_filesz);
			p->interp[ph[i].p_filesz] = 0;
		} else {
			low = MIN(low, PAGE_DOWN(ph[i].p_vaddr));
			high = MAX(high, PAGE_UP(ph[i].p_vaddr + ph[i].p_memsz));
		}
	}
	if (low >= high)
		return -ENOEXEC;
	p->base = 0;
	if (e->e_type == ET_DYN) {
		/* Reserves the whole span, then maps the pieces over it. */
		i64 at = vma_map(0, high - low, 0, 0, V_ANON);
		if (at < 0)
			return at;
		p->base = at - low;
	}
	p->phdr = 0;
	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		u64 start = PAGE_DOWN(p->base + ph[i].p_vaddr), end = PAGE_UP(p->base + ph[i].p_vaddr + ph[i].p_memsz);
		int prot = (ph[i].p_flags & PF_R ? PROT_READ : 0) | (ph[i].p_flags & PF_W ? PROT_WRITE : 0) | (ph[i].p_flags & PF_X ? PROT_EXEC : 0);
		r = vma_map(start, end - start, prot, MAP_FIXED, V_FILE);
		if (r < 0)
			return r;
		struct vma *m = vma_find(start);
		m->fs = v.fs, m->inode = v.id, m->pgoff = ph[i].p_offset / PAGE;
		memcpy((void *)(p->base + ph[i].p_vaddr), file + ph[i].p_offset, ph[i].p_filesz);
		/* The head of the first page: what a file mapping would show before p_vaddr. */
		u64 head = ph[i].p_offset & (PAGE - 1);
		memcpy((void *)(p->base + ph[i].p_vaddr - head), file + ph[i].p_offset - head, head);
		if (e->e_phoff >= ph[i].p_offset && e->e_phoff < ph[i].p_offset + ph[i].p_filesz && !p->phdr)
			p->phdr = p->base + ph[i].p_vaddr + e->e_phoff - ph[i].p_offset;
	}
	p->entry = p->base + e->e_entry;
	p->phnum = e->e_phnum;
	p->end = p->base + high;
	return 0;
}

static u64 push(u64 *sp, const void *s, u64 n)
{
	*sp -= n;
	memcpy((void *)*sp, s, n);
	return *sp;
}

static void build_stack(struct thread *t, const struct program *prog, const struct program *interp, u64 top)
{
	u64 sp = top - 16, n = HOST->argc + HOST->envc;
	const char *s = (const char *)HOST->strings;
	u64 exe = push(&sp, S->exe, strlen(S->exe) + 1);
	push(&sp, s, HOST->exe_off);
	u64 strings = sp;
	sp &= ~15ull;
	u64 random = push(&sp, HOST->entropy + 32, 16);
	u64 platform = push(&sp, "x86_64\0\0\0\0\0\0\0\0\0\0", 16);
	u64 aux[][2] = {
		{ AT_SYSINFO_EHDR, (u64)guest_vdso }, { AT_HWCAP, HOST->hwcap }, { AT_PAGESZ, PAGE }, { AT_CLKTCK, 100 },
		{ AT_PHDR, prog->phdr }, { AT_PHENT, sizeof(Elf64_Phdr) }, { AT_PHNUM, prog->phnum },
		{ AT_BASE, interp ? interp->base : 0 }, { AT_FLAGS, 0 }, { AT_ENTRY, prog->entry },
		{ AT_UID, 0 }, { AT_EUID, 0 }, { AT_GID, 0 }, { AT_EGID, 0 }, { AT_SECURE, 0 }, { AT_RANDOM, random },
		/* FSGSBASE (bit 1) is not offered: the libOS must know every thread's FS base. */
		{ AT_HWCAP2, HOST->hwcap2 & ~2ull }, { AT_EXECFN, exe }, { AT_PLATFORM, platform },
		{ AT_MINSIGSTKSZ, HOST->xsave_size + 1024 }, { AT_NULL, 0 },
	};
	u64 words = 1 + n + 2 + sizeof aux / 8;
	sp = (sp - words * 8) & ~15ull;
	u64 *p = (u64 *)sp, at = strings;
	*p++ = HOST->argc;
	S->argv_start = strings;
	for (u64 i = 0; i < n; i++) {
		if (i == HOST->argc)
			*p++ = 0, S->env_start = at;
		*p++ = at;
		at += strlen((char *)at) + 1;
	}
	if (!HOST->envc)
		*p++ = 0, S->env_start = at;
	S->argv_end = S->env_start, S->env_end = at;
	*p++ = 0;
	memcpy(p, aux, sizeof aux);
	S->auxv_start = (u64)p, S->auxv_end = (u64)p + sizeof aux;
	S->stack_top = top;
	t->regs[RSP] = sp;
}

i64 exec_boot(void)
{
	struct program prog = { 0 }, interp = { 0 };
	struct vnode v;
	const char *path = (const char *)HOST->strings + HOST->exe_off;
	if (HOST->strings_len > UC_HOST_SIZE - sizeof(struct uc_host) || HOST->exe_off >= HOST->strings_len || strlen(path) > 255)
		return -E2BIG;
	if (!image_check())
		return -ENOEXEC;
	S->umask = S_IWGRP | S_IWOTH;
	mounts_init();
	package_init();
	driver_open();
	struct thread *t = thread_new();
	if (!t)
		return -ENOMEM;
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r < 0)
		return r;
	vnode_path(v, S->exe, sizeof S->exe);
	r = load_elf(path, &prog);
	if (r < 0)
		return r;
	/* The heap follows a fixed-address program; a relocatable one leaves LOW to it. */
	S->brk_start = S->brk = prog.base ? UC_LOW : prog.end;
	if (!prog.base) {
		u64 at = PAGE_UP(prog.end);
		i64 r = vma_map(at, SLOTS_SIZE, PROT_RWX, MAP_FIXED_NOREPLACE, V_LIBOS);
		if (r == (i64)at) {
			rewrite_reserve(at);
			S->brk_start = S->brk = at + SLOTS_SIZE;
		}
	}
	if (prog.interp[0] && (r = load_elf(prog.interp, &interp)) < 0)
		return r;
	u64 stack = region_alloc(STACK_SIZE, V_STACK);
	if (!stack)
		return -ENOMEM;
	build_stack(t, &prog, prog.interp[0] ? &interp : NULL, stack + STACK_SIZE);
	const char *name = S->exe;
	for (const char *c = S->exe; *c; c++)
		if (*c == '/')
			name = c + 1;
	memcpy(t->name, name, MIN(strlen(name), 15));
	S->frame[RSP] = t->regs[RSP];
	S->frame[RIP] = prog.interp[0] ? interp.entry : prog.entry;
	S->frame[EFL] = EFL_START;
	return 0;
}
