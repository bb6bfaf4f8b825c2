/*
 * proc.c: see proc.h. Texts are parsed by hand, in the kernel's formats (proc(5)), for the few
 * numbers that the tender needs itself. Everything else goes to the platform as it is.
 */
#include "proc.h"
#include "wire.h"

/* FD_PROC numbers processes as the tender's pid namespace does, like the table of children. */
int proc_open(int pid, const char *name, int flags)
{
	char path[64], *p = decimal(path, pid);
	*p++ = '/';
	memcpy(p, name, strlen(name) + 1);
	return SYS3(openat, FD_PROC, path, flags | O_CLOEXEC);
}

/* To open a file of /proc costs more than to read one. */
int proc_file(struct child *c, int which)
{
	static const char *const name[] = { "syscall", "maps", "pagemap", "mem", "stat" };
	/* Memory is also written (PROC_MEM): a parent may, see set_limit. */
	if (!c->proc[which]) {
		int fd = proc_open(c->pid, name[which], which == PROC_MEM ? O_RDWR : O_RDONLY);
		if (fd < 0)
			return fd;
		c->proc[which] = fd + 1;
	}
	return c->proc[which] - 1;
}

/* The whole text of a file that is read once. The bytes, or -errno. */
static i64 read_text(int pid, const char *name, char *to, u64 cap)
{
	int fd = proc_open(pid, name, O_RDONLY);
	if (fd < 0)
		return fd;
	i64 n = SYS3(read, fd, to, cap);
	SYS1(close, fd);
	return n;
}

/* /proc/PID/syscall: number, arguments, stack pointer and program counter; "running" while the
 * process does not sleep. */
i64 sleeps_in(struct child *c, const char *call)
{
	char b[160]; /* at most nine numbers of 18 digits */
	int fd = proc_file(c, PROC_SYSCALL);
	i64 n = fd < 0 ? fd : SYS4(pread64, fd, b, sizeof b, 0), want = strlen(call);
	if (n < 0)
		return n;
	return n >= want && !memcmp(b, call, want) ? 0 : -EAGAIN;
}

/* /proc/PID/schedstat, the first number (Documentation/scheduler/sched-stats.rst). 0 where the
 * kernel keeps none. */
u64 time_spent(int pid)
{
	char b[64];
	i64 n = read_text(pid, "schedstat", b, sizeof b);
	u64 ns = 0;
	for (i64 i = 0; i < n && b[i] >= '0' && b[i] <= '9'; i++)
		ns = ns * 10 + b[i] - '0';
	return ns;
}

/* /proc/PID/statm: resident pages (the second number) without those of files (the third). */
u64 anonymous_pages(int pid)
{
	char b[128];
	u64 v[3] = { 0 }; /* size, resident, shared; pages */
	i64 n = read_text(pid, "statm", b, sizeof b);
	/* Numbers with one space between. */
	for (i64 i = 0, k = 0; i < n && k < 3; i++) {
		if (b[i] == ' ')
			k++;
		else
			v[k] = v[k] * 10 + b[i] - '0';
	}
	return v[1] - v[2];
}

/* /proc/PID/stat: minflt is field 10, majflt field 12. Field 2 is the program's name in brackets,
 * which may hold anything: fields are counted from the last bracket on. */
i64 page_faults(struct child *c)
{
	enum { NAME = 2, MINFLT = 10, MAJFLT = 12 };
	char b[512]; /* 52 numbers, most of them short */
	int fd = proc_file(c, PROC_STAT);
	i64 n = fd < 0 ? fd : SYS4(pread64, fd, b, sizeof b, 0), v[2] = { 0 };
	if (n < 0)
		return n;
	i64 i = n - 1;
	while (i > 0 && b[i] != ')')
		i--;
	for (int field = NAME; i < n && field <= MAJFLT; i++) {
		if (b[i] == ' ')
			field++;
		else if (field == MINFLT || field == MAJFLT)
			v[field == MAJFLT] = v[field == MAJFLT] * 10 + b[i] - '0';
	}
	return v[0] + v[1];
}

/* Neither stops the process. The caller makes sure that it sleeps, before and after. */
i64 read_vm(int pid, void *to, u64 from, u64 n)
{
	struct iovec l = { to, n }, r = { (void *)from, n };
	return SYS6(process_vm_readv, pid, &l, 1, &r, 1, 0);
}

i64 write_vm(int pid, const struct iovec *local, const struct iovec *remote, u32 n, u64 len)
{
	i64 r = SYS6(process_vm_writev, pid, local, n, remote, n, 0);
	return r == (i64)len ? 0 : r < 0 ? r : -EFAULT;
}

/* TC_STAT */
void stat_text(const struct tc_order *o, struct tc_reply *r)
{
	static const char *const names[] = { "schedstat", "stat", "status" };
	const struct child *c = child_of(o->id);
	char *p = (char *)ZYGOTE_SCRATCH;
	r->err = c->pid ? 0 : ESRCH;
	for (u32 i = 0; c->pid && i < COUNT(names); i++) {
		i64 n = read_text(c->pid, names[i], p, PAGE);
		if (n < 0) {
			r->err = -n;
			return;
		}
		/* The platform parses the texts: it knows what it wants of them. */
		p[n] = 0;
		p += n + 1;
	}
	r->n = p - (char *)ZYGOTE_SCRATCH;
	r->a = c->spent;
}

_Static_assert(offsetof(struct uc_host, max_threads) == offsetof(struct uc_host, mem_limit) + 8 &&
		offsetof(struct tc_order, b) == offsetof(struct tc_order, a) + 8,
	"set_limit writes both at once");

/* TC_LIMIT. The block is read-only to the guest, but /proc/PID/mem lets a parent write it
 * (ptrace(2), 'access mode checking'). */
void set_limit(const struct tc_order *o, struct tc_reply *r)
{
	int pid = child_of(o->id)->pid;
	u32 magic = 0;
	if (pid && read_vm(pid, &magic, UC_HOST, sizeof magic) == sizeof magic && magic != UC_MAGIC) {
		r->err = EAGAIN; /* a spare whose order is not carried out would overwrite the limit */
		return;
	}
	/* process_vm_writev heeds the protection of pages, /proc/PID/mem does not. */
	int fd = pid ? proc_open(pid, "mem", O_RDWR) : -ESRCH;
	const u64 at = UC_HOST + offsetof(struct uc_host, mem_limit);
	i64 e = fd < 0 ? fd : SYS4(pwrite64, fd, &o->a, sizeof o->a + sizeof o->b, at);
	if (fd >= 0)
		SYS1(close, fd);
	r->err = e < 0 ? -e : 0;
}

/* TC_PEEK */
void peek(const struct tc_order *o, struct tc_reply *r)
{
	int pid = child_of(o->id)->pid;
	i64 e = pid && o->b <= TC_SCRATCH ? read_vm(pid, (void *)ZYGOTE_SCRATCH, o->a, o->b) : -ESRCH;
	r->err = e < 0 ? -e : 0;
	r->n = e < 0 ? 0 : e;
}
