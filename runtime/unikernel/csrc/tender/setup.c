/* setup.c: the root's world: nothing to see, nothing to open, no privilege, the address space of a UC, the filter. */
#include "tender.h"
#include <elf.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/mount.h>
#include "../../abi/uc_filter.h"

#ifndef MS_REC
#define MS_REC 16384
#endif
#define MNT_DETACH 2

static i64 new_mount(const char *type, const char *key, const char *value)
{
	i64 fs = SYS2(fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return fs;
	i64 r = key ? SYS5(fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) : 0;
	if (r >= 0)
		r = SYS5(fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (r >= 0)
		r = SYS3(fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	SYS1(close, fs);
	return r;
}

static i64 keep(i64 fd, int at)
{
	if (fd < 0)
		return fd;
	i64 r = SYS3(dup3, fd, at, O_CLOEXEC);
	SYS1(close, fd);
	return r;
}

static u32 thp_always(void)
{
	char b[64];
	i64 fd = SYS3(openat, AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", O_CLOEXEC);
	if (fd < 0)
		return 0;
	i64 n = SYS3(read, fd, b, sizeof b);
	SYS1(close, fd);
	return n > 8 && !memcmp(b, "[always]", 8);
}

/* Own procfs (never attached), huge-page tmpfs (likewise), and an empty read-only root. */
static const char *empty_root(i64 *err)
{
	if ((*err = SYS5(mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0)) < 0)
		return "make mounts private";
	if ((*err = keep(new_mount("proc", 0, 0), FD_PROC)) < 0)
		return "mount proc";
	/* Without huge pages, files in memory are ordinary ones. */
	keep(new_mount("tmpfs", "huge", "always"), FD_HUGE);
	i64 fd = new_mount("tmpfs", "size", "4096");
	if ((*err = fd) < 0)
		return "mount tmpfs";
	if ((*err = SYS5(move_mount, fd, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH)) < 0)
		return "attach the empty root";
	SYS1(close, fd);
	if ((*err = SYS1(chdir, "/proc")) < 0 || (*err = SYS2(pivot_root, ".", ".")) < 0)
		return "pivot_root";
	if ((*err = SYS2(umount2, ".", MNT_DETACH)) < 0)
		return "detach the host's root";
	*err = SYS1(chdir, "/");
	return *err < 0 ? "chdir" : 0;
}

/* ---- The host's vDSO, moved into the range that a UC keeps ---- */

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

struct span { u64 start, end; };

static int vdso_spans(struct span *out, int max)
{
	static char text[16384] ZYGOTE_DATA;
	i64 fd = SYS3(openat, FD_PROC, "self/maps", O_CLOEXEC), n = 0, k;
	while (fd >= 0 && (k = SYS3(read, fd, text + n, sizeof text - 1 - n)) > 0)
		n += k;
	SYS1(close, fd);
	int count = 0;
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

static u64 clock_symbol(u64 base)
{
	const Elf64_Ehdr *e = (const void *)base;
	const Elf64_Phdr *ph = (const void *)(base + e->e_phoff);
	const Elf64_Sym *sym = 0;
	const char *str = 0;
	u64 bias = 0;
	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			bias = base + ph[i].p_offset - ph[i].p_vaddr;
	for (int i = 0; i < e->e_phnum; i++)
		for (const Elf64_Dyn *d = (const void *)(base + ph[i].p_offset); ph[i].p_type == PT_DYNAMIC && d->d_tag; d++) {
			if (d->d_tag == DT_SYMTAB) sym = (const void *)(bias + d->d_un.d_ptr);
			if (d->d_tag == DT_STRTAB) str = (const void *)(bias + d->d_un.d_ptr);
		}
	/* The string table follows the symbols. */
	for (const Elf64_Sym *s = sym; s && (const char *)(s + 1) <= str; s++)
		if (!memcmp(str + s->st_name, "__vdso_clock_gettime", 21))
			return bias + s->st_value;
	return 0;
}

static void move_vdso(u64 vdso)
{
	struct span s[8];
	int n = vdso_spans(s, 8);
	if (!vdso || n < 1 || s[n - 1].end - s[0].start > UC_VDSO_SIZE)
		return; /* the libOS then asks the kernel for the time */
	for (int i = 0; i < n; i++) {
		u64 len = s[i].end - s[i].start, to = UC_VDSO + (s[i].start - s[0].start);
		if (FAILED(SYS5(mremap, s[i].start, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to)))
			return;
	}
	machine.vdso_clock = clock_symbol(UC_VDSO + (vdso - s[0].start));
}

/* ---- The address space ---- */

static i64 map(u64 at, u64 len, int prot, int flags, int fd, u64 off)
{
	i64 r = SYS6(mmap, at, len, prot, flags | MAP_FIXED, fd, off);
	return r == (i64)at ? 0 : r;
}

/* A mapping of a file whose page table entries a fork copies, so that no child has to fault them in: it has an anonymous page
 * (its last, which nothing uses), and all are mapped. */
static void inherit(u64 at, u64 len)
{
	SYS3(mprotect, at, len, PROT_READ | PROT_WRITE | PROT_EXEC);
	volatile u8 *last = (volatile u8 *)(at + len - 1);
	*last = *last;
	SYS3(mprotect, at, len, PROT_READ | PROT_EXEC);
	SYS3(madvise, at, len, MADV_POPULATE_READ);
}

extern char tender_text_end[];

static const char *map_world(i64 *err, int always)
{
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC, lazy = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	Elf64_Ehdr e;
	Elf64_Phdr p;
	*err = -ENOEXEC;
	if (SYS4(pread64, FD_LIBOS, &e, sizeof e, 0) != sizeof e || e.e_phnum < 1 ||
	    SYS4(pread64, FD_LIBOS, &p, sizeof p, e.e_phoff) != sizeof p || p.p_vaddr != UC_LIBOS || p.p_filesz > UC_HOST - UC_LIBOS)
		return "libOS is not one segment at its address";
	if ((*err = map(UC_LIBOS, PAGE_UP(p.p_filesz), PROT_READ | PROT_EXEC, MAP_PRIVATE, FD_LIBOS, p.p_offset)) < 0)
		return "map libOS";
	inherit(UC_LIBOS, PAGE_UP(p.p_filesz));
	inherit(UC_TENDER, PAGE_UP((u64)tender_text_end - UC_TENDER));
	if ((*err = map(ZYGOTE_PREFETCH, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) < 0)
		return "map the prefetch list";
	const struct uc_libos *l = (const void *)UC_LIBOS_HEADER;
	*err = -EINVAL;
	if (l->magic != UC_MAGIC || l->abi != UC_ABI)
		return "libOS of another ABI";
	if ((*err = map(UC_LOW, UC_LOW_END - UC_LOW, rwx, lazy, -1, 0)) < 0 || (*err = map(UC_HIGH, UC_HIGH_END - UC_HIGH, rwx, lazy, -1, 0)) < 0)
		return "map the region (vm.overcommit_memory=2 forbids it)";
	if (always) {
		SYS3(madvise, UC_LOW, UC_LOW_END - UC_LOW, MADV_NOHUGEPAGE);
		SYS3(madvise, UC_HIGH, UC_HIGH_END - UC_HIGH, MADV_NOHUGEPAGE);
	}
	if ((*err = map(UC_HOST, UC_HOST_SIZE, PROT_READ | PROT_WRITE, lazy, -1, 0)) < 0 ||
	    (*err = map(UC_STACK, UC_STACK_SIZE, PROT_READ | PROT_WRITE, lazy, -1, 0)) < 0)
		return "map host block and stack";
	return 0;
}

static void signals(void)
{
	static const int list[] = UC_SIGNALS;
	const struct uc_libos *l = (const void *)UC_LIBOS_HEADER;
	struct { u64 sp; int flags, pad; u64 size; } alt = { UC_STACK, 0, 0, UC_STACK_SIZE };
	SYS2(sigaltstack, &alt, 0);
	for (u32 i = 0; i < sizeof list / sizeof *list; i++) {
		/* SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER */
		struct { u64 handler, flags, restorer, mask; } a = { l->on_signal, 0x4c000004, l->restorer, 0 };
		SYS4(rt_sigaction, list[i], &a, 0, 8);
	}
	u64 none = 0;
	SYS4(rt_sigprocmask, 2, &none, 0, 8);
}

/*
 * A zygote reads and writes the memory of its children. Yama's scope 2 permits that to holders of CAP_SYS_PTRACE over the child alone
 * (yama_ptrace_access_check of the kernel). There, and nowhere else, zygotes keep this capability, over the tender's own user namespace;
 * a spare gives it up before it becomes a UC.
 */
static u32 kept ZYGOTE_DATA; /* shared with the spares of the zygote */

static u32 needed_capabilities(void)
{
	char scope = 0;
	i64 fd = SYS3(openat, AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", O_CLOEXEC);
	if (fd < 0)
		return 0;
	i64 n = SYS3(read, fd, &scope, 1);
	SYS1(close, fd);
	return n == 1 && scope == '2' ? 1u << CAP_SYS_PTRACE : 0;
}

static i64 set_capabilities(u32 set)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { set, set, 0 }, { 0, 0, 0 } };
	return SYS2(capset, &h, d);
}

void note_capabilities(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	i64 r = SYS2(capget, &h, d);
	if (r < 0)
		quit("ask for capabilities", r);
	kept = d[0].permitted;
}

void drop_capabilities(void)
{
	i64 r = kept ? set_capabilities(0) : 0;
	if (r < 0)
		quit("drop capabilities", r);
}

static const char *drop_privileges(i64 *err, u32 needed)
{
	for (u64 cap = 0; cap < 64; cap++)
		SYS5(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
	if ((*err = set_capabilities(needed)) < 0)
		return "drop capabilities";
	note_capabilities();
	if ((*err = SYS5(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
		return "no_new_privs";
	struct sock_fprog f = { sizeof uc_filter / sizeof *uc_filter, (struct sock_filter *)uc_filter };
	if ((*err = SYS3(seccomp, SECCOMP_SET_MODE_FILTER, 0, &f)) < 0)
		return "install the filter";
	return 0;
}

const char *setup_world(const u64 *auxv, i64 *err)
{
	u64 vdso = 0, a = 0xd, b, c = 0, d, last = 0;
	for (; *auxv; auxv += 2) {
		last = (u64)auxv;
		if (*auxv == AT_SYSINFO_EHDR) vdso = auxv[1];
		if (*auxv == AT_HWCAP) machine.hwcap = auxv[1];
		if (*auxv == AT_HWCAP2) machine.hwcap2 = auxv[1];
	}
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	machine.xsave_size = b;
	int always = thp_always();
	u32 needed = needed_capabilities();
	struct { u64 soft, hard; } limit = { 0, 0 };
	SYS4(prlimit64, 0, 4 /* CORE */, &limit, 0);
	SYS4(prlimit64, 0, 7 /* NOFILE */, 0, &limit);
	limit.soft = limit.hard;
	SYS4(prlimit64, 0, 7, &limit, 0);
	SYS2(close_range, 0, 2);
	const char *failed = empty_root(err);
	if (failed)
		return failed;
	struct span stack = { last & ~(PAGE - 1), 0x00007ffffffff000 };
	move_vdso(vdso);
	SYS2(munmap, stack.start - (1 << 20), stack.end - stack.start + (1 << 20)); /* the kernel's stack for us */
	failed = map_world(err, always);
	if (failed)
		return failed;
	signals();
	zygote_init();
	return drop_privileges(err, needed);
}
