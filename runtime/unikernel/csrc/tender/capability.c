/* capability.c: see capability.h. */
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
	i64 n = SYS3(read, fd, &scope, 1);
	SYS1(close, fd);
	return n == 1 && scope == '2' ? CAP_TO_MASK(CAP_SYS_PTRACE) : 0;
}

i64 set_capabilities(u32 set)
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
	held = d[0].permitted;
}

void drop_capabilities(void)
{
	i64 r = held ? set_capabilities(0) : 0;
	if (r < 0)
		quit("drop capabilities", r);
}
