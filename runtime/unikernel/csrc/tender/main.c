/*
 * main.c: the root of a tender. The platform starts it once, in user, pid, mount, ipc, uts and network namespaces of its own,
 * with a socket on descriptor 3 and the libOS on 4. It empties its world, gives up what it may, and becomes a zygote.
 * It says TC_MAGIC when it is ready, or what failed.
 */
#include "tender.h"

struct tc_machine machine ZYGOTE_DATA;

__attribute__((used)) _Noreturn void tender_main(const u64 *sp)
{
	u64 argc = *sp;
	const u64 *p = sp + 1 + argc + 1;
	while (*p++)
		;
	i64 err = 0;
	const char *failed = setup_world(p, &err);
	if (failed)
		quit(failed, err);
	struct tc_reply r = { .op = TC_MAGIC };
	reply_with(&r, &machine, sizeof machine);
	zygote_loop();
}
