/*
 * child.c: see child.h. Only one thread and one signal handler run here. The handler touches no
 * table: it kills what is stopped.
 */
#include "child.h"
#include "fork.h"
#include "map.h"
#include "wire.h"

static int dying[256] ZYGOTE_DATA; /* killed, not yet waited for */
static int ndying ZYGOTE_DATA;
static u32 places ZYGOTE_DATA; /* of CHILDREN, up to the highest that was used */

/*
 * SIGCHLD. A child that was stopped is killed: nothing of the platform stops a UC, a spare or a
 * zygote, and a stopped one answers no order, so the platform would wait for it. The end of a child
 * is left to child_reap, which runs when receive returns EINTR.
 */
static void on_child(int sig)
{
	siginfo_t stopped;
	(void)sig;
	for (;;) {
		stopped.si_pid = 0;
		if (SYS5(waitid, P_ALL, 0, &stopped, WSTOPPED | WNOHANG, 0) < 0 || !stopped.si_pid)
			return;
		SYS2(kill, stopped.si_pid, SIGKILL);
	}
}

/* sigreturn(2): without a libc, the program brings the code that a handler returns to. */
void signal_restorer(void);
__asm__(".text\nsignal_restorer: mov $15, %eax\n syscall\n"); /* rt_sigreturn */

void child_init(void)
{
	/* No SA_NOCLDSTOP: the stop of a child is what the handler is for. No SA_RESTART: receive
	 * must return, so that the ended are reaped. */
	const struct sigaction a = { on_child, SA_RESTORER, signal_restorer, 0 };
	i64 r = map_alone(ZYGOTE_CHILDREN, sizeof(struct child) * TC_CHILDREN, -1);
	if (r < 0)
		quit("map the table of children", r);
	ndying = 0, places = 0;
	SYS4(rt_sigaction, SIGCHLD, &a, 0, sizeof a.sa_mask);
}

/* Pid 1 also inherits the children of every process of the tender that died before them. */
static void reap_orphans(void)
{
	/* All that have ended, whoever forked them. */
	for (i64 pid; (pid = SYS4(wait4, -1, 0, WNOHANG, 0)) > 0;)
		for (u32 i = 0; i < places; i++)
			if (CHILDREN[i].pid == pid)
				CHILDREN[i].pid = 0; /* the kernel may give the number to another process */
	ndying = 0; /* the loop above waits for all of them */
}

void child_reap(int interrupted)
{
	if (!ndying && !interrupted)
		return;
	/* The root. */
	if (SYS0(getpid) == 1) {
		reap_orphans();
		return;
	}
	for (int i = 0; i < ndying;) {
		/* Reaped, or not ours any more (ECHILD). */
		if (SYS4(wait4, dying[i], 0, WNOHANG, 0) != 0)
			dying[i] = dying[--ndying];
		else
			i++;
	}
}

void child_kill(struct child *c)
{
	if (c->pid > 0) {
		SYS2(kill, c->pid, SIGKILL);
		if (ndying == COUNT(dying)) { /* the oldest has had the most time to end */
			SYS4(wait4, dying[0], 0, 0, 0);
			dying[0] = dying[--ndying];
		}
		dying[ndying++] = c->pid;
	}
	c->pid = 0, c->spent = 0;
	for (int i = 0; i < PROC_FILES; i++)
		if (c->proc[i])
			SYS1(close, c->proc[i] - 1), c->proc[i] = 0;
}

void child_fork(struct child *c, int channel, void (*entry)(int, int))
{
	/* UC_STACK is mapped in the zygote but not used: the child has a copy of its own. */
	i64 pid = fork_spare(channel, UC_STACK + UC_STACK_SIZE, entry, SYS0(getpid));
	/* A child that could not be forked leaves an empty place, which the platform gives back. */
	c->pid = pid > 0 ? pid : 0;
	if (c >= CHILDREN + places)
		places = c - CHILDREN + 1;
	/* The spare would have spoken on this channel. */
	if (pid < 0) {
		struct {
			struct uc_msg m;
			char text[32];
		} p = { { UC_MSG_EXIT, 0, (u32)-pid, UC_EXIT_UNBORN, 0 }, "fork: errno " };
		p.m.len = decimal(p.text + strlen(p.text), -pid) - p.text;
		SYS6(sendto, channel, &p, sizeof p.m + p.m.len, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
	}
	SYS1(close, channel);
}
