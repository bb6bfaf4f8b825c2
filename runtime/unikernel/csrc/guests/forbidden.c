/* Calls that a UC may not make fail with the errno of a forbidden call, unknown ones with ENOSYS. None reaches the
 * host. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int main(void)
{
	char *argv[] = { "/bin/true", NULL };
	FAILS(fork(), EPERM);
	FAILS(vfork(), EPERM);
	FAILS(execve(argv[0], argv, argv), EPERM);
	FAILS(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM);
	FAILS(mount("a", "/tmp", "tmpfs", 0, ""), EPERM);
	FAILS(unshare(CLONE_NEWUSER), EPERM);
	FAILS(wait(NULL), ECHILD);
	FAILS(syscall(SYS_io_uring_setup, 1, 0), ENOSYS);
	FAILS(syscall(SYS_rseq, 0, 0, 0, 0), ENOSYS);
	FAILS(syscall(SYS_membarrier, 0, 0, 0), ENOSYS);
	FAILS(syscall(450), ENOSYS);
	FAILS(syscall(100000), ENOSYS);
	FAILS(syscall(-1), ENOSYS);
	FAILS(syscall(0x40000000 | SYS_getpid), ENOSYS); /* x32 */
	FAILS(open("/proc/1/environ", O_RDONLY), ENOENT);
	FAILS(open("/dev/mem", O_RDWR), ENOENT);
	DONE();
}
