/*
 * poll.c: poll(2) and select(2).
 *
 * Both ask every file for its state, and block if none has what is wanted. A call that does not
 * wait asks the host for messages before it says that there is nothing: a loop that polls never
 * sleeps, and would else never hear of anything.
 */
#include "core/state.h"
#include "host/inbox.h"
#include "ipc/poll.h"

/* A time-out in milliseconds is an int; negative means for ever. */
u64 poll_ms(u64 t) { return (i32)t < 0 ? FOREVER : (u64)(i32)t * MSEC; }

/* From a timespec or timeval of the guest. No pointer means no time-out. */
i64 poll_timeout(u64 p, u64 unit, u64 *ns)
{
	i64 t[2];
	*ns = FOREVER;
	if (!p)
		return 0;
	if (from_user(t, p, sizeof t))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0)
		return -EINVAL;
	/* unit is the length of t[1]'s unit in nanoseconds: 1 for a timespec, USEC for a timeval. */
	*ns = MIN((u64)t[0], SECONDS_MAX) * SEC + t[1] * unit;
	return 0;
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
	return r == -ETIMEDOUT ? 0 : r; /* poll(2): no file is ready when the time is over */
}

/* poll(2) */
i64 sys_poll(u64 fds, u64 n, u64 t) { return poll(fds, n, poll_ms(t)); }

/* The signal mask is not looked at: no signal comes from outside while the thread waits. */
i64 sys_ppoll(u64 fds, u64 n, u64 t)
{
	u64 ns;
	i64 r = poll_timeout(t, 1, &ns);
	return r ? r : poll(fds, n, ns);
}

/* Three sets of bits. What each asks for in terms of poll is in want: select(2). */
static i64 select(u64 n, const u64 sets[3], u64 ns)
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
	i64 r = hits || !ns ? 0 : block(ns);
	/* The sets stay as they are: a retry reads them again. */
	if (r == BLOCKED)
		return r;
	for (int s = 0; s < 3; s++)
		if (sets[s] && to_user(sets[s], out[s], bytes))
			return -EFAULT;
	return hits;
}

/* The time-out is a timeval. What is left of it is not told, as select(2) allows. */
i64 sys_select(u64 n, u64 r, u64 w, u64 e, u64 t)
{
	u64 ns, sets[3] = { r, w, e };
	i64 bad = poll_timeout(t, USEC, &ns);
	return bad ? bad : select(n, sets, ns);
}

/* The time-out is a timespec. The signal mask, the sixth argument, is not looked at, as in sys_ppoll. */
i64 sys_pselect6(u64 n, u64 r, u64 w, u64 e, u64 t)
{
	u64 ns, sets[3] = { r, w, e };
	i64 bad = poll_timeout(t, 1, &ns);
	return bad ? bad : select(n, sets, ns);
}
