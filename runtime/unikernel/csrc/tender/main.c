/*
 * main.c: the root of a tender. The platform starts it once, in user, pid, mount, ipc, uts and
 * network namespaces of its own, with a socket on FD_CONTROL and the libOS on FD_LIBOS. The root
 * empties its world, gives up its privileges and becomes a zygote. Its first packet is a reply with
 * op TC_MAGIC and struct tc_machine, or a UC_MSG_EXIT that names the step that failed.
 */
#include "fork.h"
#include "setup.h"
#include "wire.h"
#include "zygote.h"

/* sp: the initial stack, argc first (System V ABI for x86-64, 'Initial Stack and Register State'). */
__attribute__((used)) _Noreturn void tender_main(u64 sp)
{
	const u64 *p = (const u64 *)sp;
	const u64 argc = *p;
	for (p += 1 + argc + 1; *p; p++) /* behind argc, argv and its NULL: the environment */
		;
	/* Found out once, by the root: neither changes while the host runs. */
	struct tc_machine machine = { 0 };
	i64 err = 0;
	const char *failed = setup_world(p + 1, &machine, &err);
	if (failed)
		quit(failed, err);
	/* The root is a zygote that has nothing of a snapshot mapped. */
	zygote_init();
	const struct tc_reply ready = { .op = TC_MAGIC };
	reply_with(&ready, &machine, sizeof machine);
	zygote_loop();
}
