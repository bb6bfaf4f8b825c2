/*
 * poll.c: poll(2) and select(2).
 *
 * Both ask every file for its state, and block if none has what is wanted. A call that does not
 * wait asks the host for messages before it says that there is nothing: a loop that polls never
 * sleeps, and would else never hear of anything.
 */
#include "base/state.h"
#include "host/clock.h"
#include "channel/inbox.h"
#include "ipc/poll.h"

#define MICROS (SEC / USEC) /* microseconds of a second */

/* A time-out in milliseconds is an int; negative means for ever. */
u64 poll_ms(u64 t) { return (i32)t < 0 ? FOREVER : (u64)(i32)t * MSEC; }

/* A timespec, and the signal mask of the wait. No pointer means no time-out. */
static i64 wait_of(u64 t, u64 mask, u64 size, u64 *ns, struct wait_mask *m)
{
	*ns = FOREVER;
	i64 r = t ? user_time(t, ns) : 0;
	return r ? r : signal_wait_mask(mask, size, m);
}

/* No descriptor is ready: the call blocks, or ends by a signal that the mask of the wait lets
 * through, even if the call does not wait (Linux's do_poll). */
static i64 wait_ready(u64 ns, const struct wait_mask *m)
{
	if (m->given)
		signal_wait_under(m->set);
	if (!ns)
		return m->given && signal_interrupts(SELF) ? -EINTR : 0;
	i64 r = block(ns);
	return r == -ETIMEDOUT ? 0 : r; /* poll(2): no file is ready when the time is over */
}

/* One look at all descriptors; how many have something. A negative number is left out, one that is
 * not open is told as POLLNVAL. */
static i64 poll_once(u64 fds, u64 n)
{
	i64 hits = 0;
	for (u64 i = 0; i < n; i++) {
		struct pollfd p;
		if (from_user(&p, fds + i * sizeof p, sizeof p))
			return -EFAULT;
		struct file *f = p.fd < 0 ? NULL : fd_file(p.fd);
		/* What was asked for, and what is told always. */
		p.revents = f ? file_poll(f) & (p.events | POLL_ALWAYS) : p.fd < 0 ? 0 : POLLNVAL;
		hits += !!p.revents;
		if (to_user(fds + i * sizeof p, &p, sizeof p))
			return -EFAULT;
	}
	return hits;
}

/* n is bounded by the descriptors that there are, as RLIMIT_NOFILE does. */
static i64 poll(u64 fds, u64 n, u64 ns, const struct wait_mask *m)
{
	if (n > MAX_FDS)
		return -EINVAL;
	i64 hits = poll_once(fds, n);
	if (!hits && !ns) {
		host_receive();
		hits = poll_once(fds, n);
	}
	return hits ? hits : wait_ready(ns, m);
}

/* poll(2) */
i64 sys_poll(u64 fds, u64 n, u64 t)
{
	const struct wait_mask none = { 0 };
	return poll(fds, n, poll_ms(t), &none);
}

i64 sys_ppoll(u64 fds, u64 n, u64 t, u64 mask, u64 size)
{
	struct wait_mask m;
	u64 ns;
	i64 r = wait_of(t, mask, size, &ns, &m);
	return r ? r : poll(fds, n, ns, &m);
}

/* Three sets of bits. What each asks for in terms of poll is in want: select(2). */
static i64 select(u64 n, const u64 sets[3], u64 ns, const struct wait_mask *m)
{
	static const u32 want[3] = { POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI };
	/* FD_SETSIZE bits, in words. */
	u64 in[3][16] = { 0 }, out[3][16] = { 0 }, bytes = (n + 63) / 64 * 8;
	i64 hits = 0;
	if (n > MAX_FDS)
		return -EINVAL;
	for (int s = 0; s < 3; s++)
		if (sets[s] && from_user(in[s], sets[s], bytes))
			return -EFAULT;
	/* The second look comes after the host was asked. */
	for (int pass = 0; pass < 2 && !hits; pass++) {
		for (u64 fd = 0; fd < n; fd++)
			for (int s = 0; s < 3; s++) {
				if (!(in[s][fd / 64] >> fd % 64 & 1))
					continue;
				struct file *f = fd_file(fd);
				if (!f)
					return -EBADF; /* select(2), unlike POLLNVAL of poll(2) */
				/* One file may be in several sets. */
				if (file_poll(f) & want[s])
					out[s][fd / 64] |= 1ull << fd % 64, hits++;
			}
		if (hits || ns)
			break;
		host_receive();
	}
	i64 r = hits ? 0 : wait_ready(ns, m);
	/* The sets stay as they are: a retry reads them again. */
	if (r)
		return r;
	for (int s = 0; s < 3; s++)
		if (sets[s] && to_user(sets[s], out[s], bytes))
			return -EFAULT;
	return hits;
}

/* The time-out is a timeval. What is left of it is not told, as select(2) allows. */
i64 sys_select(u64 n, u64 r, u64 w, u64 e, u64 t)
{
	const struct wait_mask none = { 0 };
	const u64 sets[3] = { r, w, e };
	i64 tv[2];
	u64 ns = FOREVER;
	if (t && from_user(tv, t, sizeof tv))
		return -EFAULT;
	/* Linux takes a second and more of microseconds, but no negative number. */
	if (t && (tv[0] < 0 || tv[1] < 0))
		return -EINVAL;
	if (t)
		ns = MIN((u64)tv[0] + tv[1] / MICROS, SECONDS_MAX) * SEC + tv[1] % MICROS * USEC;
	return select(n, sets, ns, &none);
}

/* The time-out is a timespec. The sixth argument points to the address and the size of the signal mask. */
i64 sys_pselect6(u64 n, u64 r, u64 w, u64 e, u64 t, u64 sixth)
{
	const u64 sets[3] = { r, w, e };
	struct wait_mask m;
	u64 ns, mask[2] = { 0 };
	if (sixth && from_user(mask, sixth, sizeof mask))
		return -EFAULT;
	i64 bad = wait_of(t, mask[0], mask[1], &ns, &m);
	return bad ? bad : select(n, sets, ns, &m);
}
