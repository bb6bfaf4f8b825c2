/*
 * uc_start.h: from a plain process to a UC: map the libOS, the image and an empty region, fill the host block, install signal
 * handlers and the filter, enter. Each function returns NULL or what it failed at (errno says why). Single-threaded callers.
 */
#ifndef UC_START_H
#define UC_START_H

#include <cpuid.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include "../../abi/uc.h"
#include "../../abi/uc_filter.h"

struct uc_start {
	char **argv;
	const char **env;
	int argc, envc;
	uint32_t flags, pid, cpus;
	uint64_t mem_limit, image_size;
};

static const struct uc_libos *const uc_libos = (const struct uc_libos *)UC_LIBOS_HEADER;

#define UC_FIXED (MAP_FIXED_NOREPLACE | MAP_PRIVATE)

static const char *uc_map_libos(const char *path)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "open libOS";
	if (pread(fd, &e, sizeof e, 0) != sizeof e || e.e_phnum != 1 || pread(fd, &p, sizeof p, e.e_phoff) != sizeof p ||
	    p.p_vaddr != UC_LIBOS || p.p_flags != (PF_R | PF_X))
		return "libOS is not one read-execute segment";
	if (mmap((void *)UC_LIBOS, p.p_filesz, PROT_READ | PROT_EXEC, UC_FIXED, fd, p.p_offset) == MAP_FAILED)
		return "map libOS";
	close(fd);
	if (uc_libos->magic != UC_MAGIC || uc_libos->abi != UC_ABI)
		return "libOS of another ABI";
	return NULL;
}

static const char *uc_map_image(const char *path, uint64_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return "open image";
	if (mmap((void *)UC_IMAGE, st.st_size, PROT_READ, MAP_FIXED_NOREPLACE | MAP_SHARED, fd, 0) == MAP_FAILED)
		return "map image";
	close(fd);
	*size = st.st_size;
	return NULL;
}

static const char *uc_map_region(void)
{
	const int prot = PROT_READ | PROT_WRITE | PROT_EXEC, flags = UC_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
	if (mmap((void *)UC_LOW, UC_LOW_END - UC_LOW, prot, flags, -1, 0) == MAP_FAILED)
		return "map LOW";
	if (mmap((void *)UC_HIGH, UC_HIGH_END - UC_HIGH, prot, flags, -1, 0) == MAP_FAILED)
		return "map HIGH";
	/* Huge pages would make a one-byte write cost 2 MB of every clone. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	return NULL;
}

/* clock_gettime in this process's vDSO, by its symbol table. */
static uint64_t uc_vdso_clock(void)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	if (!base)
		return 0;
	const Elf64_Ehdr *e = (const void *)base;
	const Elf64_Phdr *ph = (const void *)(base + e->e_phoff);
	const Elf64_Sym *sym = NULL;
	const char *str = NULL;
	const uint32_t *hash = NULL, *gnu = NULL;
	uint64_t bias = 0;
	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			bias = (uint64_t)base + ph[i].p_offset - ph[i].p_vaddr;
	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type != PT_DYNAMIC)
			continue;
		for (const Elf64_Dyn *d = (const void *)(base + ph[i].p_offset); d->d_tag; d++) {
			if (d->d_tag == DT_SYMTAB) sym = (const void *)(bias + d->d_un.d_ptr);
			if (d->d_tag == DT_STRTAB) str = (const void *)(bias + d->d_un.d_ptr);
			if (d->d_tag == DT_HASH) hash = (const void *)(bias + d->d_un.d_ptr);
			if (d->d_tag == DT_GNU_HASH) gnu = (const void *)(bias + d->d_un.d_ptr);
		}
	}
	if (!sym || !str || (!hash && !gnu))
		return 0;
	/* Without DT_HASH the number of symbols is unknown; the string table follows the symbols. */
	uint64_t n = hash ? hash[1] : ((uint64_t)str - (uint64_t)sym) / sizeof *sym;
	for (uint64_t i = 0; i < n; i++)
		if (!strcmp(str + sym[i].st_name, "__vdso_clock_gettime"))
			return bias + sym[i].st_value;
	return 0;
}

/* Written while it is still writable; read-only from here on. */
static const char *uc_fill_host(const struct uc_start *s)
{
	uint32_t a, b, c, d;
	struct uc_host *h = (void *)UC_HOST;
	if (mmap(h, UC_HOST_SIZE, PROT_READ | PROT_WRITE, UC_FIXED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return "map host block";
	__cpuid_count(0xd, 0, a, b, c, d);
	h->magic = UC_MAGIC, h->abi = UC_ABI;
	h->hwcap = getauxval(AT_HWCAP), h->hwcap2 = getauxval(AT_HWCAP2);
	h->flags = s->flags | (h->hwcap2 & 2 ? UC_F_FSGSBASE : 0);
	h->pid = s->pid, h->cpus = s->cpus;
	h->vdso_clock = uc_vdso_clock();
	h->image_size = s->image_size, h->mem_limit = s->mem_limit;
	h->xsave_size = b;
	if (getrandom(h->entropy, sizeof h->entropy, 0) != sizeof h->entropy)
		return "getrandom";
	h->argc = s->argc, h->envc = s->envc;
	char *p = (char *)h->strings, *end = (char *)UC_HOST + UC_HOST_SIZE;
	for (int i = 0; i <= s->argc + s->envc; i++) {
		const char *t = i < s->argc ? s->argv[i] : i < s->argc + s->envc ? s->env[i - s->argc] : s->argv[0];
		size_t n = strlen(t) + 1;
		if (n > (size_t)(end - p))
			return "arguments and environment do not fit";
		if (i == s->argc + s->envc)
			h->exe_off = p - (char *)h->strings;
		memcpy(p, t, n);
		p += n;
	}
	h->strings_len = p - (char *)h->strings;
	return mprotect(h, UC_HOST_SIZE, PROT_READ) ? "protect host block" : NULL;
}

struct uc_ksigaction { uint64_t handler, flags, restorer, mask; };

static const char *uc_signals(void)
{
	static const int signals[] = UC_SIGNALS;
	stack_t ss = { .ss_sp = (void *)UC_STACK, .ss_size = UC_STACK_SIZE };
	if (mmap((void *)UC_STACK, UC_STACK_SIZE, PROT_READ | PROT_WRITE, UC_FIXED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return "map stack";
	if (sigaltstack(&ss, NULL))
		return "sigaltstack";
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct uc_ksigaction a = { uc_libos->on_signal, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000, uc_libos->restorer, 0 };
		if (syscall(SYS_rt_sigaction, signals[i], &a, NULL, 8))
			return "rt_sigaction";
	}
	return NULL;
}

/* Turns this process into a UC. Returns only on failure. */
static const char *uc_start(const struct uc_start *s, uint64_t how)
{
	struct itimerval tick = { { 0, UC_TICK_USEC }, { 0, UC_TICK_USEC } };
	struct sock_fprog prog = { sizeof uc_filter / sizeof *uc_filter, (struct sock_filter *)uc_filter };
	const char *bad = uc_fill_host(s);
	bad = bad ? bad : uc_signals();
	if (bad)
		return bad;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setitimer(ITIMER_PROF, &tick, NULL))
		return "setitimer";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return "no_new_privs";
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0))
		return "seccomp";
	__asm__ volatile("mov %0, %%rsp; jmp *%1" : : "r"(UC_STACK + UC_STACK_SIZE), "r"(uc_libos->enter), "D"(how) : "memory");
	__builtin_unreachable();
}

#endif
