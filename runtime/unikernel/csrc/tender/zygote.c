/* zygote.c: a process that holds a prefix of a snapshot stack mapped, forks spares from it, and looks after its children. */
#include "tender.h"

/*
 * On SIGCHLD: a child that was stopped is killed. Nothing of the platform stops a UC, a spare or a zygote, and a stopped one answers
 * no order, so the platform would wait for it. The end of a child is left to bury, which runs when receive returns EINTR.
 */
static void on_child(int sig)
{
	struct { int signo, error, code, pad, pid, uid, status, rest[25]; } stopped; /* siginfo_t of SIGCHLD */
	(void)sig;
	for (;;) {
		stopped.pid = 0;
		if (SYS5(waitid, P_ALL, 0, &stopped, WSTOPPED | WNOHANG, 0) < 0 || !stopped.pid)
			return;
		SYS2(kill, stopped.pid, SIGKILL);
	}
}

__asm__(".text\nsignal_restorer: mov $15, %eax\n syscall\n");
extern char signal_restorer[];

static int dying[256] ZYGOTE_DATA, ndying ZYGOTE_DATA;
static u32 places ZYGOTE_DATA; /* of CHILDREN, that were used */

/* After a fork: nothing of the parent's children is ours. */
void zygote_init(void)
{
	const int rw = PROT_READ | PROT_WRITE, lazy = MAP_FIXED | MAP_NORESERVE;
	i64 r = SYS6(mmap, ZYGOTE_CHILDREN, sizeof(struct child) * TC_CHILDREN, rw, lazy | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (FAILED(r))
		quit("map the table of children", r);
	SYS3(madvise, ZYGOTE_CHILDREN, sizeof(struct child) * TC_CHILDREN, MADV_DONTFORK);
	r = SYS6(mmap, ZYGOTE_PRIVATE, 2 * PAGE * TC_CHILDREN, rw, lazy | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (FAILED(r))
		quit("map what is known of children", r);
	SYS3(madvise, ZYGOTE_PRIVATE, 2 * PAGE * TC_CHILDREN, MADV_DONTFORK);
	if (!FAILED(SYS6(mmap, ZYGOTE_SCRATCH, TC_SCRATCH, rw, lazy | MAP_SHARED, FD_SCRATCH, 0)))
		SYS3(madvise, ZYGOTE_SCRATCH, TC_SCRATCH, MADV_DONTFORK);
	if (!FAILED(SYS6(mmap, ZYGOTE_ARENA, ZYGOTE_ARENA_SIZE, rw, lazy | MAP_SHARED, FD_ARENA, 0)))
		SYS3(madvise, ZYGOTE_ARENA, ZYGOTE_ARENA_SIZE, MADV_DONTFORK);
	if (!FAILED(SYS6(mmap, ZYGOTE_BUFFER, ZYGOTE_BUFFER_SIZE, rw, lazy | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
		SYS3(madvise, ZYGOTE_BUFFER, ZYGOTE_BUFFER_SIZE, MADV_DONTFORK);
	ndying = 0, places = 0;
	struct { void (*handler)(int); u64 flags; void *restorer; u64 mask; } a = { on_child, 0x04000000, signal_restorer, 0 };
	SYS4(rt_sigaction, SIGCHLD, &a, 0, 8);
}

/* Pid 1 also inherits the children of every process of the tender that died before them. */
static void bury_orphans(void)
{
	for (i64 pid; (pid = SYS4(wait4, -1, 0, WNOHANG, 0)) > 0;)
		for (u32 i = 0; i < places; i++)
			if (CHILDREN[i].pid == pid)
				CHILDREN[i].pid = 0; /* the number may be given to another process */
	ndying = 0; /* all of them are waited for here */
}

static void bury(void)
{
	if (SYS0(getpid) == 1) {
		bury_orphans();
		return;
	}
	for (int i = 0; i < ndying;) {
		if (SYS4(wait4, dying[i], 0, WNOHANG, 0) != 0)
			dying[i] = dying[--ndying];
		else
			i++;
	}
}

/* A child that was reset has another id, and so has one that was forked in its place. */
static int is_for(const struct tc_order *o, const struct child *c)
{
	return o->op == TC_FORK || o->op == TC_FILE || o->op == TC_WATCH || c->id == o->id;
}

static void do_kill(struct child *c)
{
	if (c->pid > 0) {
		SYS2(kill, c->pid, SIGKILL);
		if (ndying == sizeof dying / sizeof *dying) {
			SYS4(wait4, dying[0], 0, 0, 0);
			dying[0] = dying[--ndying];
		}
		dying[ndying++] = c->pid;
	}
	c->pid = 0, c->spent = 0;
	private_forget(c);
	for (int i = 0; i < PROC_FILES; i++)
		if (c->proc[i])
			SYS1(close, c->proc[i] - 1), c->proc[i] = 0;
}

static void do_fork(struct child *c, int channel)
{
	if (c->pid)
		do_kill(c);
	i64 pid = fork_spare(channel, UC_STACK + UC_STACK_SIZE);
	c->pid = pid > 0 ? pid : 0;
	if (c >= CHILDREN + places)
		places = c - CHILDREN + 1;
	if (pid < 0) {
		/* The one who waits on the channel hears why. */
		struct { struct uc_msg m; char text[32]; } p = { { UC_MSG_EXIT, 0, (u32)-pid, UC_EXIT_UNBORN, 0 }, "fork: errno " };
		p.m.len = decimal(p.text + 12, -pid) - p.text;
		SYS6(sendto, channel, &p, sizeof p.m + p.m.len, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
	}
	SYS1(close, channel);
}

static i64 new_file(u64 bytes, int huge)
{
	i64 fd;
	if (huge)
		fd = SYS4(openat, FD_HUGE, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	else
		fd = SYS2(memfd_create, "snapshot", 1 | 2 /* CLOEXEC, ALLOW_SEALING */);
	if (fd < 0)
		return fd;
	i64 r = SYS2(ftruncate, fd, bytes);
	if (r < 0) {
		SYS1(close, fd);
		return r;
	}
	return fd;
}

static void obey(const struct tc_order *o, int fd)
{
	struct tc_reply r = { o->op, o->id, 0, 0, 0, 0 };
	struct child *c = &CHILDREN[o->id % TC_CHILDREN];
	int back = -1;
	if (!is_for(o, c)) {
		r.err = ESRCH;
		if (o->op != TC_KILL)
			reply(&r, -1);
		if (fd >= 0)
			SYS1(close, fd);
		return;
	}
	switch (o->op) {
	case TC_FORK:
		if (fd >= 0) {
			do_fork(c, fd);
			c->id = o->id;
		}
		return;
	case TC_KILL:
		do_kill(c);
		return;
	case TC_CAPTURE: capture(o, &r); break;
	case TC_SCAN: scan_pages(o, &r); break;
	case TC_PATCHES: patches(o, &r); break;
	case TC_COPY: copy_pages(o, &r, fd); break;
	case TC_LIMIT: set_limit(o, &r); break;
	case TC_STAT: stat_text(o, &r); break;
	case TC_PEEK: peek(o, &r); break;
	case TC_FILE:
		back = new_file(o->a, o->b);
		r.err = back < 0 ? -back : 0;
		break;
	case TC_WATCH: watch(o, &r); break;
	case TC_RESET: reset(o, &r); break;
	case TC_REUSE: reuse(o, &r); break;
	default: r.err = ENOSYS;
	}
	reply(&r, back);
	if (back >= 0)
		SYS1(close, back);
	if (fd >= 0)
		SYS1(close, fd);
}

void zygote_loop(void)
{
	struct tc_order o;
	for (;;) {
		int fd, n;
		i64 got = receive(&o, sizeof o, &fd, 1, &n);
		if (ndying || got == -EINTR)
			bury();
		if (got == -EINTR)
			continue;
		if (got == 0 || (got < 0 && got != -EMSGSIZE))
			SYS1(exit_group, 0); /* the platform has let go of this zygote, or is gone */
		if (got != sizeof o || o.magic != TC_MAGIC)
			quit("malformed order to a zygote", -EBADMSG);
		obey(&o, n ? fd : -1);
	}
}
