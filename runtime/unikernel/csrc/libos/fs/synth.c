/*
 * synth.c: /dev, /proc and /sys as one table of paths.
 *
 * Only what node, CPython, glibc and common libraries open is here; a file that is absent is
 * ENOENT, which they all bear. A text is made when it is opened (proc.c) and stays as it was then.
 * The number of a vnode is its index in the table, so that a snapshot's numbers are true for as
 * long as the build is the same. Descriptors under /proc/self/fd have the ids FD_BASE + n.
 *
 * Values that describe the machine are those of the UC, never of the host: what a guest reads here
 * must not tell one host from another.
 */
#include "base/state.h"
#include "fs/proc.h"
#include "fs/synth.h"
#include "host/host.h"
#include "mm/heap.h"

#define FD_BASE 10000u

enum { DIR, TEXT, CONST, LINK, NODE };
struct entry {
	const char *path;
	u8 kind;
	const struct file_ops *device;
	const char *text;
	void (*make)(struct text *);
};

/* clang-format off */
#define D(p)    { p, DIR, 0, 0, 0 }    /* a directory */
#define N(p, k) { p, NODE, k, 0, 0 }   /* a device: the operations of its kind */
#define C(p, s) { p, CONST, 0, s, 0 }  /* a text that never changes */
#define T(p, f) { p, TEXT, 0, 0, f }   /* a text that f makes when it is opened */
#define L(p, s) { p, LINK, 0, s, 0 }   /* a symbolic link; NULL: synth_target knows where to */
/* clang-format on */

static const struct entry tree[] = {
	D("dev"), /* null(4), zero(4), full(4), random(4) */
	N("dev/null", &null_ops), N("dev/zero", &zero_ops), N("dev/full", &full_ops), N("dev/random", &random_ops),
	N("dev/urandom", &random_ops), N("dev/console", &console_ops),
	L("dev/stdin", "/proc/self/fd/0"), /* /dev/std*: as udev links them */
	L("dev/stdout", "/proc/self/fd/1"), L("dev/stderr", "/proc/self/fd/2"), L("dev/fd", "/proc/self/fd"), D("dev/shm"),
	D("proc"), /* proc(5) */
	D("proc/self"), D("proc/self/fd"), D("proc/self/task"), L("proc/thread-self", "self"),
	L("proc/self/exe", NULL), /* S->exe */
	L("proc/self/cwd", NULL), /* the working directory */
	L("proc/self/root", "/"), T("proc/self/maps", proc_maps), T("proc/self/stat", proc_stat),
	T("proc/self/statm", proc_statm), T("proc/self/status", proc_status), T("proc/self/cmdline", proc_cmdline),
	T("proc/self/environ", proc_environ), T("proc/self/auxv", proc_auxv), T("proc/self/comm", proc_comm),
	T("proc/self/limits", proc_limits),
	C("proc/self/cgroup", "0::/\n"), /* cgroup v2: the UC is the root of its own tree */
	T("proc/self/mounts", proc_mounts), C("proc/self/oom_score_adj", "0\n"), /* nobody is killed before another */
	C("proc/self/mountinfo", "1 1 0:1 / / ro - rootfs rootfs ro\n2 1 0:2 / /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n"),
	L("proc/mounts", "self/mounts"), T("proc/cpuinfo", proc_cpuinfo), T("proc/meminfo", proc_meminfo),
	T("proc/stat", proc_cpustat), T("proc/uptime", proc_uptime),
	C("proc/loadavg", "0.00 0.00 0.00 1/1 1\n"), /* an idle machine */
	C("proc/version", "Linux version 6.1.0-uc (LambdaBench libOS)\n"), /* the release that uname tells */
	C("proc/filesystems", "nodev\ttmpfs\n"), D("proc/sys"), D("proc/sys/kernel"), D("proc/sys/kernel/random"),
	D("proc/sys/vm"), D("proc/sys/net"), D("proc/sys/net/core"), D("proc/sys/fs"),
	C("proc/sys/net/core/somaxconn", "4096\n"), /* Linux's default; listen here takes SOMAXCONN */
	T("proc/sys/kernel/random/boot_id", proc_boot_id), T("proc/sys/kernel/random/uuid", proc_uuid),
	C("proc/sys/kernel/osrelease", "6.1.0-uc\n"), C("proc/sys/kernel/ostype", "Linux\n"),
	C("proc/sys/kernel/hostname", "uc\n"), C("proc/sys/kernel/pid_max", "4194304\n"), /* UC_PID_MAX */
	C("proc/sys/kernel/ngroups_max", "65536\n"), C("proc/sys/kernel/cap_last_cap", "40\n"),
	C("proc/sys/kernel/threads-max", "256\n"),
	C("proc/sys/vm/overcommit_memory", "2\n"), /* what is not there is refused when it is mapped */
	C("proc/sys/vm/max_map_count", "65000\n"), /* MAX_VMAS */
	C("proc/sys/fs/file-max", "1024\n"), /* MAX_FDS */
	C("proc/sys/fs/pipe-max-size", "1048576\n"), D("sys"), D("sys/fs"), D("sys/fs/cgroup"),
	C("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"), /* runtimes look here for their limits */
	T("sys/fs/cgroup/memory.max", proc_memory_max), T("sys/fs/cgroup/memory.current", proc_memory_current),
	C("sys/fs/cgroup/memory.high", "max\n"),
	C("sys/fs/cgroup/cpu.max", "max 100000\n"), /* the host's scheduler has the quota */
	D("sys/devices"), D("sys/devices/system"), D("sys/devices/system/cpu"),
	T("sys/devices/system/cpu/online", proc_cpus), T("sys/devices/system/cpu/possible", proc_cpus),
	T("sys/devices/system/cpu/present", proc_cpus), D("sys/kernel"), D("sys/kernel/mm"),
	D("sys/kernel/mm/transparent_hugepage"),
	C("sys/kernel/mm/transparent_hugepage/enabled",
		"always madvise [never]\n"), /* a huge page would be written whole by one byte */
};

/* The paths are known to the callers, so there always is one; an unknown path is the first entry's. */
u32 synth_root(const char *name)
{
	for (u32 i = 0; i < COUNT(tree); i++)
		if (streq(tree[i].path, name))
			return i;
	return 0;
}

/* Where the last component of a path begins. */
static u64 base_of(const char *path)
{
	u64 at = 0;
	for (u64 i = 0; path[i]; i++)
		if (path[i] == '/')
			at = i + 1;
	return at;
}

/* Is entry i listed by directory dir? Paths are compared as texts: an entry whose path goes on
 * behind the directory's and has no further slash. */
static int child(u32 i, u32 dir)
{
	u64 n = strlen(tree[dir].path), at = base_of(tree[i].path);
	return at == n + 1 && !memcmp(tree[i].path, tree[dir].path, n);
}

/* Modes are as Linux has them. Nothing can be written, even where the mode says so. */
static u32 synth_mode(u32 id)
{
	if (id >= FD_BASE)
		return S_IFLNK | 0700;
	switch (tree[id].kind) {
	case DIR: return S_IFDIR | 0555;
	case LINK: return S_IFLNK | 0777;
	case NODE: return S_IFCHR | 0666;
	default: return S_IFREG | 0444;
	}
}

/* The root of each tree is its own parent: the mount knows better. */
static u32 synth_parent(u32 id)
{
	for (u32 i = 0; i < COUNT(tree); i++)
		if (tree[i].kind == DIR && id < FD_BASE && child(id, i))
			return i;
	return id >= FD_BASE ? synth_root("proc/self/fd") : id;
}

/* The decimal number that a name is, -1: none. */
static i64 number(const char *s, u64 len)
{
	i64 v = 0;
	if (!len || len > 9)
		return -1;
	for (u64 i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + s[i] - '0';
	}
	return v;
}

/* Besides the table's own entries: descriptors, the process's ids, threads. */
static i64 synth_lookup(u32 dir, const char *name, u64 len, u32 *out)
{
	for (u32 i = 0; i < COUNT(tree); i++) {
		const char *base = tree[i].path + base_of(tree[i].path);
		if (child(i, dir) && strlen(base) == len && !memcmp(base, name, len)) {
			*out = i;
			return 0;
		}
	}
	i64 n = number(name, len);
	if (n >= 0 && streq(tree[dir].path, "proc/self/fd") && fd_file(n)) {
		*out = FD_BASE + n;
		return 0;
	}
	/* The first thread's id may be an older one of the process. */
	if (n >= 0 && streq(tree[dir].path, "proc") && (n == HOST->pid || n == S->threads[0]->tid)) {
		*out = synth_root("proc/self");
		return 0;
	}
	/* Each thread's directory is the process's: nobody asks for more than that it exists. */
	if (n >= 0 && streq(tree[dir].path, "proc/self/task"))
		for (u32 i = 0; i < S->nthreads; i++)
			if (S->threads[i]->state != T_FREE && S->threads[i]->tid == n) {
				*out = synth_root("proc/self");
				return 0;
			}
	return -ENOENT;
}

/* The entries of one directory are found by going through the whole table: some eighty entries, at
 * a position that is an index of it. */
static int synth_entry(u32 dir, u64 *pos, const char **name, u32 *len, u32 *inode, u8 *type)
{
	static const char digits[] = "0123456789";
	if (streq(tree[dir].path, "proc/self/fd")) {
		/* Names of one digit are constants; longer ones have no storage that outlives the call, and
		 * are not listed. */
		for (; *pos < 10; ++*pos)
			if (fd_file(*pos)) {
				*name = digits + *pos, *len = 1, *inode = FD_BASE + *pos, *type = DT_LNK;
				++*pos;
				return 1;
			}
		return 0;
	}
	for (; *pos < COUNT(tree); ++*pos) {
		if (!child(*pos, dir))
			continue;
		*name = tree[*pos].path + base_of(tree[*pos].path), *len = strlen(*name), *inode = *pos;
		*type = synth_mode(*pos) >> 12 & DT_MASK;
		++*pos;
		return 1;
	}
	return 0;
}

/* A descriptor's link has no storage for its name, so no path leads back to it. */
static int synth_find(u32 id, u32 *parent, const char **name, u32 *len)
{
	if (id >= FD_BASE)
		return 0;
	*parent = synth_parent(id);
	*name = tree[id].path + base_of(tree[id].path), *len = strlen(*name);
	return 1;
}

/* What /proc/self/fd/N shows (proc(5)). */
static void fd_target(struct text *t, u32 fd)
{
	struct file *f = fd_file(fd);
	char path[1024];
	if (!f)
		return;
	if (file_named(f)) {
		i64 n = vnode_path((struct vnode){ f->fs, f->node }, path, sizeof path);
		/* proc(5): a file without a name left. */
		put(t, n < 0 ? "/ (deleted)" : path);
		return;
	}
	put(t, f->ops->name);
	if (f->ops->name[strlen(f->ops->name) - 1] == '[') {
		/* as good as an inode number: both ends of a pipe have the same */
		put_u(t, (u64)f->obj >> 5 & 0xffffff);
		put(t, "]");
	}
}

/* Links whose target is not in the table depend on the process. */
static i64 synth_target(u32 id, char *buf, u64 cap)
{
	struct text t = { buf, 0, cap };
	char path[1024];
	if (id >= FD_BASE)
		fd_target(&t, id - FD_BASE);
	else if (tree[id].text)
		put(&t, tree[id].text);
	else if (streq(tree[id].path, "proc/self/exe"))
		put(&t, S->exe);
	else if (vnode_path(S->cwd, path, sizeof path) > 0)
		put(&t, path);
	return t.n;
}

/* ---- Texts ---- */

/* The text as it was when it was opened. */
static i64 text_read(struct file *f, u64 buf, u64 n, i64 off)
{
	u64 at = off < 0 ? f->pos : (u64)off;
	if (at >= f->aux)
		return 0;
	n = MIN(n, f->aux - at);
	if (to_user(buf, (u8 *)f->obj + at, n))
		return -EFAULT;
	if (off < 0)
		f->pos += n;
	return n;
}

static u64 text_size(struct file *f) { return f->aux; }

static void text_close(struct file *f) { kfree(f->obj, f->aux + 1); }

static const struct file_ops text_ops = { .read = text_read, .size = text_size, .close = text_close };

/* A text is made in the packet buffer, which nothing else uses during this call, and kept in its
 * true size. */
static i64 open_text(u32 id, u32 flags)
{
	const struct entry *e = &tree[id];
	/* A packet is 64 KB: no text is longer. */
	struct text t = { (char *)TX, 0, UC_MSG_MAX };
	if (e->make)
		e->make(&t);
	else
		put(&t, e->text);
	/* One byte more than the text: an empty one has an address too. */
	char *p = kalloc(t.n + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p, t.p, t.n);
	i64 i = file_new(&text_ops, flags, p);
	if (i < 0) {
		kfree(p, t.n + 1);
		return i;
	}
	S->files[i].fs = FS_SYNTH, S->files[i].node = id, S->files[i].aux = t.n;
	return i;
}

/* A device has the operations of its kind; every other file is a text, which is read-only. */
i64 synth_open(u32 id, u32 flags)
{
	if (tree[id].kind == NODE)
		return file_new(tree[id].device, flags, NULL);
	return flags & O_ACCMODE ? -EACCES : open_text(id, flags);
}

/* ---- As a file system ---- */

/* A text's size is not known before it is made; like Linux's, it shows as 0. */
static void synth_stat(u32 id, struct stat *st)
{
	if (id < FD_BASE && tree[id].kind == NODE)
		st->st_rdev = tree[id].device->device;
}

static i64 no_bytes(u32 id, const u8 **p, u64 *size)
{
	(void)id, (void)p, (void)size;
	return -ENODEV; /* there are none until somebody opens it */
}

const struct fs_ops synth_fs = {
	.magic = PROC_SUPER_MAGIC,
	.mode = synth_mode,
	.parent = synth_parent,
	.lookup = synth_lookup,
	.entry = synth_entry,
	.find = synth_find,
	.target = synth_target,
	.bytes = no_bytes,
	.stat = synth_stat,
};
