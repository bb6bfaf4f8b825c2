/*
 * setup.c: see setup.h. The steps run in the order in which they stand in setup_world: what needs
 * the host's files first, then the empty root, the address space, the signal handlers, and
 * privileges last, because each step before needs some.
 */
#include "setup.h"
#include "capability.h"
#include <elf.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include "../../abi/uc_filter.h"

#define MNT_DETACH 2 /* umount2(2); in no header for user space */

/* fsopen(2) and its kin, since Linux 5.2: a file system that is attached nowhere. A descriptor or
 * -errno. */
static i64 new_mount(const char *type, const char *key, const char *value)
{
	i64 fs = SYS2(fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return fs;
	i64 r = key ? SYS5(fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) : 0;
	if (r >= 0)
		r = SYS5(fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	/* No set-user-ID program and no device: nobody here needs one. */
	if (r >= 0)
		r = SYS3(fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	SYS1(close, fs);
	return r;
}

/* Moves a descriptor to a fixed number; takes an errno through. */
static i64 move_to(i64 fd, int at)
{
	if (fd < 0)
		return fd;
	i64 r = SYS3(dup3, fd, at, O_CLOEXEC);
	SYS1(close, fd);
	return r;
}

/* Transparent huge pages for every mapping, whether it asks for them or not
 * (Documentation/admin-guide/mm/transhuge.rst). Asked while the host's /sys can still be seen. */
static int thp_always(void)
{
	char b[64];
	i64 fd = SYS3(openat, AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", O_CLOEXEC);
	if (fd < 0)
		return 0;
	i64 n = SYS3(read, fd, b, sizeof b);
	/* The file lists all settings and has the one that holds in brackets. */
	SYS1(close, fd);
	return n > 8 && !memcmp(b, "[always]", 8);
}

/* FD_PROC, FD_HUGE, and an empty root, which is attached over /proc and then pivoted to
 * (pivot_root(2), 'pivot_root(".", ".")'). */
static const char *empty_root(i64 *err)
{
	/* mount_namespaces(7): what is mounted here must not show on the host. */
	if ((*err = SYS5(mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0)) < 0)
		return "make mounts private";
	if ((*err = move_to(new_mount("proc", 0, 0), FD_PROC)) < 0)
		return "mount proc";
	/* A kernel without huge pages has no such file system. Files in memory are ordinary ones
	 * then. */
	move_to(new_mount("tmpfs", "huge", "always"), FD_HUGE);
	/* One page: nothing is ever written there. */
	i64 fd = new_mount("tmpfs", "size", "4096");
	if ((*err = fd) < 0)
		return "mount tmpfs";
	if ((*err = SYS5(move_mount, fd, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH)) < 0)
		return "attach the empty root";
	SYS1(close, fd);
	/* The second argument stacks the old root over the new one, where umount2 finds it. */
	if ((*err = SYS1(chdir, "/proc")) < 0 || (*err = SYS2(pivot_root, ".", ".")) < 0)
		return "pivot_root";
	if ((*err = SYS2(umount2, ".", MNT_DETACH)) < 0)
		return "detach the host's root";
	*err = SYS1(chdir, "/");
	return *err < 0 ? "chdir" : 0;
}

/* ---- The host's vDSO, moved into the range that a UC keeps (vdso(7)) ---- */

/* Reads a hexadecimal number; *p moves behind it. */
static u64 hex(const char **p)
{
	u64 v = 0;
	for (;; (*p)++) {
		char c = **p;
		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else
			return v;
	}
}

struct span {
	u64 start, end; /* addresses, [start, end) */
};

/* The mappings [vvar], [vvar_vclock] and [vdso], which are neighbours; not [vsyscall]. How many. */
static int vdso_spans(struct span *out, int max)
{
	static char text[16384] ZYGOTE_DATA;
	i64 fd = SYS3(openat, FD_PROC, "self/maps", O_CLOEXEC), n = 0, k;
	while (fd >= 0 && (k = SYS3(read, fd, text + n, sizeof text - 1 - n)) > 0)
		n += k;
	SYS1(close, fd);
	int count = 0;
	/* proc(5), /proc/PID/maps: START-END in hexadecimal first, the name in brackets last. */
	for (const char *line = text; line < text + n;) {
		const char *p = line, *end = line;
		while (*end && *end != '\n')
			end++;
		u64 start = hex(&p);
		p++;
		u64 stop = hex(&p);
		for (; p < end; p++)
			if (p[0] == '[' && p[1] == 'v' && p[2] != 's' && count < max)
				out[count++] = (struct span){ start, stop };
		line = end + 1;
	}
	return count;
}

/* The address of clock_gettime in the vDSO at base, or 0. A vDSO has no section that says how many
 * symbols there are, but its string table follows them. */
static u64 clock_symbol(u64 base)
{
	const Elf64_Ehdr *e = (const void *)base;
	const Elf64_Phdr *ph = (const void *)(base + e->e_phoff);
	static const char name[] = "__vdso_clock_gettime";
	const Elf64_Sym *sym = NULL;
	const char *str = NULL;
	/* Addresses in the symbol table are those that the vDSO was linked at, which is 0 or not. */
	u64 bias = 0;
	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			bias = base + ph[i].p_offset - ph[i].p_vaddr;
	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type != PT_DYNAMIC)
			continue;
		for (const Elf64_Dyn *d = (const void *)(base + ph[i].p_offset); d->d_tag; d++) {
			if (d->d_tag == DT_SYMTAB)
				sym = (const void *)(bias + d->d_un.d_ptr);
			if (d->d_tag == DT_STRTAB)
				str = (const void *)(bias + d->d_un.d_ptr);
		}
	}
	/* Two tables that do not lie in this order have no symbol before the strings, and the loop
	 * ends at once. */
	for (const Elf64_Sym *s = sym; s && (const char *)(s + 1) <= str; s++)
		if (!memcmp(str + s->st_name, name, sizeof name))
			return bias + s->st_value;
	return 0;
}

/* Without a vDSO, or where it cannot be moved, the libOS asks the kernel for the time. Returns the
 * address of clock_gettime, or 0. */
static u64 move_vdso(u64 vdso)
{
	struct span s[8]; /* Linux 6.18 has three */
	int n = vdso_spans(s, 8);
	if (!vdso || n < 1 || s[n - 1].end - s[0].start > UC_VDSO_SIZE)
		return 0;
	/* The code reads its data at a fixed distance: all parts move by as much. */
	for (int i = 0; i < n; i++) {
		u64 len = s[i].end - s[i].start, to = UC_VDSO + (s[i].start - s[0].start);
		if (FAILED(SYS5(mremap, s[i].start, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to)))
			return 0;
	}
	return clock_symbol(UC_VDSO + (vdso - s[0].start));
}

/* ---- The address space ---- */

/* mmap at a fixed address, over whatever is there. 0 or -errno. */
static i64 map(u64 at, u64 len, int prot, int flags, int fd, u64 off)
{
	i64 r = SYS6(mmap, at, len, prot, flags | MAP_FIXED, fd, off);
	return r == (i64)at ? 0 : r;
}

/* Makes a fork copy the page table entries of a mapping of a file, so that no child has to fault
 * them in. The kernel copies those of mappings that have an anonymous page (vma_needs_copy in
 * mm/memory.c): the last page becomes one, by a write that changes nothing. */
static void inherit(u64 at, u64 len)
{
	SYS3(mprotect, at, len, PROT_READ | PROT_WRITE | PROT_EXEC);
	volatile u8 *last = (volatile u8 *)(at + len - 1);
	*last = *last;
	SYS3(mprotect, at, len, PROT_READ | PROT_EXEC);
	SYS3(madvise, at, len, MADV_POPULATE_READ);
}

extern char tender_text_end[]; /* tender.ld */

/* always: thp_always. Huge pages would make a one-byte write cost 2 MB of every clone. */
static const char *map_world(i64 *err, int always)
{
	/* Pages come when they are first touched, and the region is mostly never touched. */
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC, lazy = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	Elf64_Ehdr e;
	Elf64_Phdr p;
	/* The libOS is one segment (libos/link.ld). The platform made and sealed the file, so this
	 * only finds a build that went wrong. */
	*err = -ENOEXEC;
	if (SYS4(pread64, FD_LIBOS, &e, sizeof e, 0) != sizeof e || e.e_phnum < 1 ||
		SYS4(pread64, FD_LIBOS, &p, sizeof p, e.e_phoff) != sizeof p || p.p_vaddr != UC_LIBOS ||
		p.p_filesz > UC_HOST - UC_LIBOS)
		return "libOS is not one segment at its address";
	if ((*err = map(UC_LIBOS, PAGE_UP(p.p_filesz), PROT_READ | PROT_EXEC, MAP_PRIVATE, FD_LIBOS, p.p_offset)) < 0)
		return "map libOS";
	/* Both are executed by every child at once. */
	inherit(UC_LIBOS, PAGE_UP(p.p_filesz));
	inherit(UC_TENDER, PAGE_UP((u64)tender_text_end - UC_TENDER));
	const int rw = PROT_READ | PROT_WRITE;
	if ((*err = map(ZYGOTE_PREFETCH, ZYGOTE_PREFETCH_SIZE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) < 0)
		return "map the prefetch list";
	/* Tender and libOS are embedded in one program, but built by two scripts. */
	*err = -EINVAL;
	if (LIBOS->magic != UC_MAGIC || LIBOS->abi != UC_ABI)
		return "libOS of another ABI";
	/* The region is executable because a guest maps its own code there, and one mapping each
	 * because a mapping more is copied by every fork. MAP_NORESERVE: 128 GB are not to be
	 * accounted. */
	if ((*err = map(UC_LOW, UC_LOW_END - UC_LOW, rwx, lazy, -1, 0)) < 0 ||
		(*err = map(UC_HIGH, UC_HIGH_END - UC_HIGH, rwx, lazy, -1, 0)) < 0)
		return "map the region (vm.overcommit_memory=2 forbids it)";
	if (always) {
		SYS3(madvise, UC_LOW, UC_LOW_END - UC_LOW, MADV_NOHUGEPAGE);
		SYS3(madvise, UC_HIGH, UC_HIGH_END - UC_HIGH, MADV_NOHUGEPAGE);
	}
	/* The host block becomes read-only once a spare has filled it in. */
	if ((*err = map(UC_HOST, UC_HOST_SIZE, PROT_READ | PROT_WRITE, lazy, -1, 0)) < 0 ||
		(*err = map(UC_STACK, UC_STACK_SIZE, PROT_READ | PROT_WRITE, lazy, -1, 0)) < 0)
		return "map host block and stack";
	return 0;
}

/* Handlers, the signal stack and the mask, which forks inherit: see UC_SIGNALS. */
static void signals(void)
{
	static const int list[] = UC_SIGNALS;
	const stack_t stack = { .ss_sp = (void *)UC_STACK, .ss_size = UC_STACK_SIZE };
	const struct sigaction a = {
		.sa_handler = (__sighandler_t)LIBOS->on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER,
		.sa_restorer = (__sigrestore_t)LIBOS->restorer,
	};
	/* A blocked SIGSYS or SIGSEGV would kill a UC instead of reaching its libOS. */
	const sigset_t none = 0;
	SYS2(sigaltstack, &stack, NULL);
	for (u32 i = 0; i < COUNT(list); i++)
		SYS4(rt_sigaction, list[i], &a, NULL, sizeof a.sa_mask);
	SYS4(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

/* needed: the capabilities to keep. The filter comes last: it is inherited by all that this process
 * forks, and needs no_new_privs (seccomp(2)). It lets the tender's own program do what it likes. */
static const char *drop_privileges(i64 *err, u32 needed)
{
	enum { CAPABILITIES = 64 }; /* more than any kernel has: prctl refuses the rest */
	/* The bounding set: no exec could bring one back, if there were any. */
	for (u64 cap = 0; cap < CAPABILITIES; cap++)
		SYS5(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
	if ((*err = set_capabilities(needed)) < 0)
		return "drop capabilities";
	note_capabilities();
	if ((*err = SYS5(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
		return "no_new_privs";
	struct sock_fprog f = { COUNT(uc_filter), (struct sock_filter *)uc_filter };
	if ((*err = SYS3(seccomp, SECCOMP_SET_MODE_FILTER, 0, &f)) < 0)
		return "install the filter";
	return NULL;
}

/* No core files: they would hold a guest's memory. As many descriptors as the host lets, because
 * each child takes some. */
static void set_limits(void)
{
	struct rlimit64 limit = { 0, 0 };
	SYS4(prlimit64, 0, RLIMIT_CORE, &limit, NULL);
	SYS4(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	limit.rlim_cur = limit.rlim_max;
	SYS4(prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
}

/* CPUID leaf 0xd, ebx: bytes of an XSAVE area for the features that are enabled (Intel SDM, volume
 * 2A, CPUID). */
static u32 xsave_size(void)
{
	u32 a = 0xd, b, c = 0, d;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b;
}

const char *setup_world(const u64 *auxv, struct tc_machine *machine, i64 *err)
{
	u64 vdso = 0, last = 0;
	/* getauxval(3): pairs of type and value. */
	for (; *auxv != AT_NULL; auxv += 2) {
		last = (u64)auxv;
		if (*auxv == AT_SYSINFO_EHDR)
			vdso = auxv[1];
		if (*auxv == AT_HWCAP)
			machine->hwcap = auxv[1];
		if (*auxv == AT_HWCAP2)
			machine->hwcap2 = auxv[1];
	}
	machine->xsave_size = xsave_size();
	int always = thp_always();
	u32 needed = needed_capabilities();
	set_limits();
	SYS2(close_range, 0, FD_CONTROL - 1);
	const char *failed = empty_root(err);
	if (failed)
		return failed;
	machine->vdso_clock = move_vdso(vdso);
	/* The stack that execve made: from some room below what is used of it to the end of user
	 * space (TASK_SIZE_MAX). */
	const u64 below = 1 << 20; /* bytes: argument strings and frames are far less */
	const u64 stack = (last & -PAGE) - below, task_size = 0x00007ffffffff000;
	SYS2(munmap, stack, task_size - stack);
	failed = map_world(err, always);
	if (failed)
		return failed;
	/* From here on nothing of the host can be opened, and soon nothing be asked of the kernel. */
	signals();
	return drop_privileges(err, needed);
}
