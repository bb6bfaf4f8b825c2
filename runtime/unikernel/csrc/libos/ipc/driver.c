/*
 * driver.c: descriptors that lead out of the UC: standard output and error, and descriptor 3, the
 * driver's stream.
 *
 * Output goes as packets of the channel, in the order in which it was written. Input of the driver
 * waits in S->chan, where inbox.c puts it, until the guest reads.
 */
#include "core/state.h"
#include "host/channel.h"
#include "host/inbox.h"
#include "ipc/driver.h"

enum { STDOUT = 1, STDERR = 2 };
#define CHANNEL_QUEUE (64u << 20) /* the platform bounds the size of an invocation far below */

/* Sends what fits into packets. What a full channel did not take is the caller's to send again. */
static i64 packets(u16 type, u32 id, u64 buf, u64 n)
{
	u64 at = 0;
	while (at < n) {
		u64 k = MIN(n - at, UC_MSG_MAX - sizeof(struct uc_msg));
		i64 r = send_msg(type, id, 0, NULL, 0, buf + at, k);
		if (r)
			return at ? (i64)at : r;
		at += k;
	}
	return n;
}

/* ---- The console ---- */

static i64 console_read(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)buf, (void)n, (void)off;
	return 0; /* nobody types */
}

/* A console that was opened by its name, /dev/console, is the standard error. */
static i64 console_write(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)off;
	return packets(UC_MSG_CONSOLE, f->aux ? f->aux : STDERR, buf, n);
}

/* Output never waits for long: the platform reads. */
static u32 console_poll(struct file *f)
{
	(void)f;
	return POLLOUT;
}

const struct file_ops console_ops = { .name = "/dev/console",
	.mode = S_IFCHR | 0666,
	.device = 5 << 8 | 1,
	.read = console_read,
	.write = console_write,
	.poll = console_poll };

/* ---- The driver's stream ---- */

/* A blocking read does not ask the host: the UC sleeps there when nobody else can run, which asks
 * at once. */
static i64 stream_read(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)off;
	if (!S->chan.len && f->flags & O_NONBLOCK)
		host_receive();
	if (!S->chan.len && n)
		return -EAGAIN;
	return queue_get_user(&S->chan, buf, n, 0);
}

static i64 stream_write(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)off;
	return packets(UC_MSG_DATA, 0, buf, n);
}

/* Writable as long as the last packet found room. */
static u32 stream_poll(struct file *f)
{
	(void)f;
	return (S->chan.len ? POLLIN : 0) | (S->want_out ? 0 : POLLOUT);
}

/* FIONREAD of the driver's stream. */
static u64 stream_readable(struct file *f)
{
	(void)f;
	return S->chan.len;
}

static const struct file_ops stream_ops = { .name = "socket:[",
	.mode = S_IFSOCK | 0777,
	.read = stream_read,
	.write = stream_write,
	.poll = stream_poll,
	.readable = stream_readable };

/* Descriptor 0 is empty: a function has no input but its events. Descriptor 3 is where the driver
 * finds the platform (uc.h, UC_MSG_DATA). */
void driver_open(void)
{
	S->chan.max = CHANNEL_QUEUE;
	fd_new(&null_ops, O_RDONLY, NULL, 0);
	/* Two files, not one twice: they differ by the stream that they name. */
	i64 out = file_new(&console_ops, O_WRONLY, NULL), err = file_new(&console_ops, O_WRONLY, NULL);
	S->files[out].aux = STDOUT, S->files[err].aux = STDERR;
	fd_install(out, 0);
	fd_install(err, 0);
	fd_new(&stream_ops, O_RDWR, NULL, 0);
}
