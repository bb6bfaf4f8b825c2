/* watch.c: which UCs have more memory than they may. The libOS bounds what its guest may have, but a guest can write anywhere. */
#include "tender.h"

/* Resident pages of no file: proc(5) /proc/PID/statm, the second number without the third. */
static u64 anonymous_pages(int pid)
{
	char b[128];
	u64 v[3] = { 0 };
	int fd = proc_open(pid, "statm", 0);
	i64 n = fd < 0 ? 0 : SYS3(read, fd, b, sizeof b);
	for (i64 i = 0, k = 0; i < n && k < 3; i++) {
		if (b[i] == ' ')
			k++;
		else
			v[k] = v[k] * 10 + b[i] - '0';
	}
	if (fd >= 0)
		SYS1(close, fd);
	return v[1] - v[2];
}

/* TC_WATCH */
void watch(const struct tc_order *o, struct tc_reply *r)
{
	struct tc_watched *w = (struct tc_watched *)ZYGOTE_SCRATCH;
	for (u64 i = 0; i < o->a && i < TC_SCRATCH / sizeof *w; i++) {
		struct child *c = &CHILDREN[w[i].id % TC_CHILDREN];
		if (c->pid && c->id == w[i].id && anonymous_pages(c->pid) > w[i].pages)
			w[r->n++] = w[i];
	}
}
