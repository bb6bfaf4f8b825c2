/*
 * exec.c: what execve(2) does, once: loads the program and its interpreter from the image, and
 * builds the first stack.
 *
 * A segment of an ELF file becomes a private copy in the region. The base snapshot shares those
 * copies among all UCs that are forked from it, so a copy costs memory once per snapshot and not
 * once per UC. The first stack is laid out as the x86-64 psABI, section 3.4.1, says: argc, argv,
 * envp and the auxiliary vector (getauxval(3)), with the strings above.
 */
#include "core/exec.h"
#include "base/state.h"
#include "channel/inbox.h"
#include "fs/image.h"
#include "fs/mounts.h"
#include "fs/package.h"
#include "ipc/driver.h"
#include "mm/region.h"
#include "net/net.h"
#include <elf.h>

#define EFL_START 0x202 /* interrupts on, and the bit that is always 1 */

/* end: the first address behind the program, where its heap may begin; interp: the dynamic linker's
 * path, "" for a static program. */
struct program {
	u64 base, entry, phdr, phnum, end;
	char interp[256];
};

/* Maps one ELF file. The file comes from the image, which may hold any: every offset is checked
 * against its size before it is used. */
static i64 load_elf(const char *path, struct program *p)
{
	struct vnode v;
	const u8 *file;
	u64 size, low = ~0ull, high = 0;
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r < 0 || (r = vnode_bytes(v, &file, &size)) < 0)
		return r;
	const Elf64_Ehdr *e = (const void *)file;
	/* Only what this processor can run; a script has no ELF header, and is no program here. */
	if (size < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_machine != EM_X86_64 ||
		e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > size ||
		e->e_phnum > (size - e->e_phoff) / sizeof(Elf64_Phdr))
		return -ENOEXEC;
	const Elf64_Phdr *ph = (const void *)(file + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++) {
		/* The first pass finds the span of addresses and the interpreter; nothing is mapped before
		 * the whole file is known to be sound. */
		if (ph[i].p_type != PT_LOAD && ph[i].p_type != PT_INTERP)
			continue;
		if (ph[i].p_offset > size || ph[i].p_filesz > size - ph[i].p_offset || ph[i].p_filesz > ph[i].p_memsz)
			return -ENOEXEC;
		if (ph[i].p_type == PT_INTERP) {
			/* With room for the terminating zero. */
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
	/* A program that is linked at a fixed address (ET_EXEC) lies in LOW, where Debian's node and
	 * python3 are linked; a relocatable one finds room in HIGH. */
	p->base = 0;
	if (e->e_type == ET_DYN) {
		/* Reserves the whole span, then maps the pieces over it. One gap for the whole program: its
		 * segments address each other relative to themselves. */
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
		int prot = (ph[i].p_flags & PF_R ? PROT_READ : 0) | (ph[i].p_flags & PF_W ? PROT_WRITE : 0) |
			(ph[i].p_flags & PF_X ? PROT_EXEC : 0);
		/* The mapping is charged by what the guest may do with it. The libOS writes through it
		 * whatever prot says: the host mapping is RWX. */
		r = vma_map(start, end - start, prot, MAP_FIXED, V_FILE);
		if (r < 0)
			return r;
		struct vma *m = vma_find(start);
		m->fs = v.fs, m->inode = v.id, m->pgoff = ph[i].p_offset / PAGE;
		/* Behind p_filesz the memory is zero: nobody has touched it. */
		memcpy((void *)(p->base + ph[i].p_vaddr), file + ph[i].p_offset, ph[i].p_filesz);
		/* The head of the first page: what a file mapping would show before p_vaddr. */
		u64 head = ph[i].p_offset & (PAGE - 1);
		memcpy((void *)(p->base + ph[i].p_vaddr - head), file + ph[i].p_offset - head, head);
		/* AT_PHDR: the segment that holds the program headers says where they lie in memory. Static
		 * PIE programs relocate themselves by them. */
		if (e->e_phoff >= ph[i].p_offset && e->e_phoff < ph[i].p_offset + ph[i].p_filesz && !p->phdr)
			p->phdr = p->base + ph[i].p_vaddr + e->e_phoff - ph[i].p_offset;
	}
	p->entry = p->base + e->e_entry;
	p->phnum = e->e_phnum;
	/* The heap of a static program begins here. */
	p->end = p->base + high;
	return 0;
}

/* Lays n bytes below *sp, and says where. */
static u64 push(u64 *sp, const void *s, u64 n)
{
	*sp -= n;
	memcpy((void *)*sp, s, n);
	return *sp;
}

/* prog has the program's own entry and headers; interp, NULL for a static program, is where the
 * first instruction lies. */
static void build_stack(struct thread *t, const struct program *prog, const struct program *interp, u64 top)
{
	u64 sp = top - 16, n = HOST->argc + HOST->envc;
	const char *s = (const char *)HOST->strings;
	/* The path that the kernel would show as AT_EXECFN; ld.so takes $ORIGIN from it. */
	u64 exe = push(&sp, S->exe, strlen(S->exe) + 1);
	/* The strings of arguments and environment, one behind the other, as the tender wrote them. */
	push(&sp, s, HOST->exe_off);
	u64 strings = sp;
	/* The ABI wants the stack pointer to be a multiple of 16 at the first instruction. */
	sp &= ~15ull;
	/* 16 bytes for stack protectors and pointer guards (AT_RANDOM). They are part of the snapshot:
	 * clones share them, as with every snapshot of a process. */
	u64 random = push(&sp, HOST->entropy + 32, 16);
	u64 platform = push(&sp, "x86_64\0\0\0\0\0\0\0\0\0\0", 16);
	u64 aux[][2] = {
		{ AT_SYSINFO_EHDR, (u64)guest_vdso },
		{ AT_HWCAP, HOST->hwcap },
		{ AT_PAGESZ, PAGE },
		{ AT_CLKTCK, 100 },
		{ AT_PHDR, prog->phdr },
		{ AT_PHENT, sizeof(Elf64_Phdr) },
		{ AT_PHNUM, prog->phnum },
		{ AT_BASE, interp ? interp->base : 0 },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, prog->entry },
		{ AT_UID, 0 },
		{ AT_EUID, 0 },
		{ AT_GID, 0 },
		{ AT_EGID, 0 },
		{ AT_SECURE, 0 },
		{ AT_RANDOM, random },
		/* FSGSBASE (bit 1) is not offered: the libOS must know every thread's FS base. */
		{ AT_HWCAP2, HOST->hwcap2 & ~2ull },
		{ AT_EXECFN, exe },
		{ AT_PLATFORM, platform },
		{ AT_MINSIGSTKSZ, HOST->xsave_size + 1024 },
		{ AT_NULL, 0 },
	};
	/* argc, the two vectors with a NULL each, and the auxiliary vector: counted first, so that
	 * their foot can be aligned. */
	u64 words = 1 + n + 2 + sizeof aux / 8;
	/* Room for the vectors, below the strings. */
	sp = (sp - words * 8) & ~15ull;
	u64 *p = (u64 *)sp, at = strings;
	/* From here upwards in the order of the ABI. */
	*p++ = HOST->argc;
	S->argv_start = strings;
	for (u64 i = 0; i < n; i++) {
		/* argv ends with a NULL, and the environment's strings begin. */
		if (i == HOST->argc)
			*p++ = 0, S->env_start = at;
		*p++ = at;
		at += strlen((char *)at) + 1;
	}
	/* The loop above has then not come to the end of argv. */
	if (!HOST->envc)
		*p++ = 0, S->env_start = at;
	S->argv_end = S->env_start, S->env_end = at;
	*p++ = 0;
	memcpy(p, aux, sizeof aux);
	/* For /proc/self/auxv. */
	S->auxv_start = (u64)p, S->auxv_end = (u64)p + sizeof aux;
	S->stack_top = top;
	t->regs[RSP] = sp;
}

static const struct inbox_ops receivers = { .file = package_message, .connection = net_message };

/* The first thread's registers go into the frame, not into its slot: it is the one that runs. */
i64 exec_boot(void)
{
	struct program prog = { 0 }, interp = { 0 };
	struct vnode v;
	const char *path = (const char *)HOST->strings + HOST->exe_off;
	/* The host block comes from the tender, but a mistake there should say so instead of faulting. */
	if (HOST->strings_len > UC_HOST_SIZE - sizeof(struct uc_host) || HOST->exe_off >= HOST->strings_len ||
		strlen(path) > 255)
		return -E2BIG;
	/* Everything below reads the image without a check. */
	if (!image_check())
		return -ENOEXEC;
	S->umask = S_IWGRP | S_IWOTH;
	S->inbox = &receivers;
	mounts_init();
	package_init();
	driver_open();
	/* The first thread: its id is the process's. */
	struct thread *t = thread_new();
	if (!t)
		return -ENOMEM;
	i64 r = walk(AT_FDCWD, path, 1, &v);
	if (r < 0)
		return r;
	/* /proc/self/exe is the file itself, behind all symbolic links: python3 finds its library by
	 * it. */
	vnode_path(v, S->exe, sizeof S->exe);
	r = load_elf(path, &prog);
	if (r < 0)
		return r;
	/* The heap follows a fixed-address program; a relocatable one leaves LOW to it. */
	S->brk_start = S->brk = prog.base ? UC_LOW : prog.end;
	if (!prog.base) {
		/* Slots for rewritten calls lie next to the program, where a 32-bit jump reaches; the heap
		 * begins behind them. */
		u64 at = PAGE_UP(prog.end);
		i64 r = vma_map(at, SLOTS_SIZE, PROT_RWX, MAP_FIXED_NOREPLACE, V_LIBOS);
		if (r == (i64)at) {
			rewrite_reserve(at);
			S->brk_start = S->brk = at + SLOTS_SIZE;
		}
	}
	/* A dynamic program starts in its dynamic linker, which finds the program by AT_PHDR and AT_ENTRY. */
	if (prog.interp[0] && (r = load_elf(prog.interp, &interp)) < 0)
		return r;
	/* Charged like any thread's stack: in part (vma.c). */
	u64 stack = region_alloc(STACK_SIZE, V_STACK);
	if (!stack)
		return -ENOMEM;
	build_stack(t, &prog, prog.interp[0] ? &interp : NULL, stack + STACK_SIZE);
	/* The thread's name is the program's, without its directories (prctl(2), PR_GET_NAME). */
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
