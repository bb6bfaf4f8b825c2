/*
 * capability.c: see capability.h. Inside its user namespace the root begins with every capability
 * (user_namespaces(7)). None of them reaches anything outside of the namespace.
 */
#include "capability.h"
#include "wire.h"
#include <linux/capability.h>

static u32 held SHARED_WITH_SPARES; /* by this zygote */

u32 needed_capabilities(void)
{
	char scope = 0;
	i64 fd = SYS3(openat, AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", O_CLOEXEC);
	if (fd < 0)
		return 0; /* a kernel without Yama */
	/* One digit: 0 and 1 let a parent in, 2 asks for the capability, 3 lets nobody in. */
	i64 n = SYS3(read, fd, &scope, 1);
	SYS1(close, fd);
	return n == 1 && scope == '2' ? CAP_TO_MASK(CAP_SYS_PTRACE) : 0;
}

i64 set_capabilities(u32 set)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	/* Two words of 32 capabilities each; CAP_SYS_PTRACE is in the first. */
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
	held = d[0].permitted;
}

/* seccomp(2) and no_new_privs keep them away from then on. */
void drop_capabilities(void)
{
	i64 r = held ? set_capabilities(0) : 0;
	if (r < 0)
		quit("drop capabilities", r);
}
