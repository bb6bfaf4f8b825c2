/* epoll.c: epoll, poll and select: all three ask every file for its state and sleep until something changed. */
#include "core/state.h"

#define EPOLLET 0x80000000u
#define EPOLLONESHOT 0x40000000u
#define ALWAYS (POLLERR | POLLHUP)

struct item { u32 fd, file, serial, events, seen, seen_bits; u64 data; };
struct epoll { struct item *items; u32 n, cap; u32 next, pad; };
struct event { u32 events; u64 data; } __attribute__((packed));

u32 file_seq(struct file *f); /* grows when something arrives: edges */

i64 sys_epoll_create1(u64 flags)
{
	struct epoll *e = kalloc(sizeof *e);
	if (!e)
		return -ENOMEM;
	return fd_new(K_EPOLL, O_RDWR, e, !!(flags & O_CLOEXEC));
}

i64 sys_epoll_create(u64 n) { return (i32)n > 0 ? sys_epoll_create1(0) : -EINVAL; }

void epoll_close(struct file *f)
{
	struct epoll *e = f->obj;
	kfree(e->items, e->cap * sizeof(struct item));
	kfree(e, sizeof *e);
}

static int gone(const struct item *i) { return !S->files[i->file].refs || S->files[i->file].serial != i->serial; }

i64 sys_epoll_ctl(u64 ep, u64 op, u64 fd, u64 event)
{
	struct file *f = fd_file(ep);
	i64 file = fd_index(fd);
	struct event ev = { 0, 0 };
	if (!f || file < 0)
		return -EBADF;
	if (f->kind != K_EPOLL || ep == fd)
		return -EINVAL;
	u8 kind = S->files[file].kind;
	if (kind == K_FILE || kind == K_DIR || kind == K_TEXT)
		return -EPERM;
	if (op != 2 && from_user(&ev, event, sizeof ev))
		return -EFAULT;
	struct epoll *e = f->obj;
	struct item *it = NULL;
	for (u32 i = 0; i < e->n;) {
		if (gone(&e->items[i])) {
			e->items[i] = e->items[--e->n];
			continue;
		}
		if (e->items[i].fd == fd && e->items[i].file == file)
			it = &e->items[i];
		i++;
	}
	changed();
	switch (op) {
	case 1:
		if (it)
			return -EEXIST;
		if (e->n == e->cap) {
			u32 cap = e->cap ? e->cap * 2 : 16;
			struct item *items = kalloc(cap * sizeof *items);
			if (!items)
				return -ENOMEM;
			memcpy(items, e->items, e->n * sizeof *items);
			kfree(e->items, e->cap * sizeof *items);
			e->items = items, e->cap = cap;
		}
		e->items[e->n++] = (struct item){ fd, file, S->files[file].serial, ev.events, 0, 0, ev.data };
		return 0;
	case 2:
		if (!it)
			return -ENOENT;
		*it = e->items[--e->n];
		return 0;
	case 3:
		if (!it)
			return -ENOENT;
		it->events = ev.events, it->data = ev.data, it->seen_bits = 0;
		return 0;
	default: return -EINVAL;
	}
}

static u32 item_ready(struct item *it)
{
	if (gone(it) || !(it->events & ~(EPOLLET | EPOLLONESHOT)))
		return 0;
	struct file *f = &S->files[it->file];
	u32 bits = file_poll(f) & (it->events | ALWAYS) & 0xffff;
	if (bits && it->events & EPOLLET) {
		u32 seq = file_seq(f);
		if (seq == it->seen && !(bits & ~it->seen_bits))
			return 0;
	}
	return bits;
}

u32 epoll_poll(struct file *f)
{
	struct epoll *e = f->obj;
	for (u32 i = 0; i < e->n; i++)
		if (item_ready(&e->items[i]))
			return POLLIN;
	return 0;
}

static i64 collect(struct epoll *e, u64 out, u64 max)
{
	u64 n = 0;
	for (u32 k = 0; k < e->n && n < max; k++) {
		struct item *it = &e->items[(e->next + k) % e->n];
		u32 bits = item_ready(it);
		if (!bits)
			continue;
		struct event ev = { bits, it->data };
		if (to_user(out + n * sizeof ev, &ev, sizeof ev))
			return n ? (i64)n : -EFAULT;
		n++;
		it->seen = file_seq(&S->files[it->file]), it->seen_bits = bits;
		if (it->events & EPOLLONESHOT)
			it->events &= EPOLLET | EPOLLONESHOT;
	}
	if (n == max && e->n)
		e->next = (e->next + n) % e->n; /* so that a busy file does not hide others */
	return n;
}

static i64 epoll(u64 ep, u64 out, u64 max, u64 ns, u64 mask)
{
	struct file *f = fd_file(ep);
	if (!f)
		return -EBADF;
	if (f->kind != K_EPOLL || (i32)max <= 0)
		return -EINVAL;
	i64 n = collect(f->obj, out, max);
	if (!n && !ns) {
		host_receive();
		n = collect(f->obj, out, max);
	}
	if (n || !ns)
		return n;
	if (mask && !SELF->retrying) {
		u64 set;
		if (from_user(&set, mask, 8))
			return -EFAULT;
		SELF->saved_mask = SELF->mask, SELF->has_saved_mask = 1;
		SELF->mask = set;
	}
	i64 r = block(ns);
	return r == -ETIMEDOUT ? 0 : r;
}

static u64 ms(u64 t) { return (i32)t < 0 ? FOREVER : (u64)(i32)t * 1000000; }

/* Time-out from a timespec (unit 1) or timeval (unit 1000); BLOCKED is never a value of it. */
static i64 timespec(u64 p, u64 unit, u64 *ns)
{
	i64 t[2];
	*ns = FOREVER;
	if (!p)
		return 0;
	if (from_user(t, p, sizeof t))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0)
		return -EINVAL;
	*ns = MIN((u64)t[0], 4000000000ull) * 1000000000 + t[1] * unit;
	return 0;
}

i64 sys_epoll_wait(u64 ep, u64 out, u64 max, u64 t) { return epoll(ep, out, max, ms(t), 0); }
i64 sys_epoll_pwait(u64 ep, u64 out, u64 max, u64 t, u64 mask) { return epoll(ep, out, max, ms(t), mask); }

i64 sys_epoll_pwait2(u64 ep, u64 out, u64 max, u64 t, u64 mask)
{
	u64 ns;
	i64 r = timespec(t, 1, &ns);
	return r ? r : epoll(ep, out, max, ns, mask);
}

/* ---- poll ---- */

struct pollfd { i32 fd; u16 events, revents; };

static i64 poll_once(u64 fds, u64 n)
{
	i64 hits = 0;
	for (u64 i = 0; i < n; i++) {
		struct pollfd p;
		if (from_user(&p, fds + i * sizeof p, sizeof p))
			return -EFAULT;
		struct file *f = p.fd < 0 ? NULL : fd_file(p.fd);
		p.revents = f ? file_poll(f) & (p.events | ALWAYS) : p.fd < 0 ? 0 : POLLNVAL;
		hits += !!p.revents;
		if (to_user(fds + i * sizeof p, &p, sizeof p))
			return -EFAULT;
	}
	return hits;
}

static i64 poll(u64 fds, u64 n, u64 ns)
{
	if (n > MAX_FDS)
		return -EINVAL;
	i64 hits = poll_once(fds, n);
	if (!hits && !ns) {
		host_receive();
		hits = poll_once(fds, n);
	}
	if (hits || !ns)
		return hits;
	i64 r = block(ns);
	return r == -ETIMEDOUT ? 0 : r;
}

i64 sys_poll(u64 fds, u64 n, u64 t) { return poll(fds, n, ms(t)); }

i64 sys_ppoll(u64 fds, u64 n, u64 t)
{
	u64 ns;
	i64 r = timespec(t, 1, &ns);
	return r ? r : poll(fds, n, ns);
}

/* ---- select ---- */

static i64 select(u64 n, const u64 sets[3], u64 ns)
{
	static const u32 want[3] = { POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI };
	u64 in[3][16] = { 0 }, out[3][16] = { 0 }, bytes = (n + 63) / 64 * 8;
	i64 hits = 0;
	if (n > MAX_FDS)
		return -EINVAL;
	for (int s = 0; s < 3; s++)
		if (sets[s] && from_user(in[s], sets[s], bytes))
			return -EFAULT;
	for (int pass = 0; pass < 2 && !hits; pass++) {
		for (u64 fd = 0; fd < n; fd++)
			for (int s = 0; s < 3; s++) {
				if (!(in[s][fd / 64] >> fd % 64 & 1))
					continue;
				struct file *f = fd_file(fd);
				if (!f)
					return -EBADF;
				if (file_poll(f) & want[s])
					out[s][fd / 64] |= 1ull << fd % 64, hits++;
			}
		if (hits || ns)
			break;
		host_receive();
	}
	i64 r = hits || !ns ? 0 : block(ns);
	if (r == BLOCKED)
		return r;
	for (int s = 0; s < 3; s++)
		if (sets[s] && to_user(sets[s], out[s], bytes))
			return -EFAULT;
	return hits;
}

i64 sys_select(u64 n, u64 r, u64 w, u64 e, u64 t)
{
	u64 ns, sets[3] = { r, w, e };
	i64 bad = timespec(t, 1000, &ns);
	return bad ? bad : select(n, sets, ns);
}

i64 sys_pselect6(u64 n, u64 r, u64 w, u64 e, u64 t)
{
	u64 ns, sets[3] = { r, w, e };
	i64 bad = timespec(t, 1, &ns);
	return bad ? bad : select(n, sets, ns);
}
