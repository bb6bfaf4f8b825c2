/*
 * driver.c: the first descriptors of a program: standard input, output and error, and descriptor 3,
 * the driver's stream.
 *
 * What the driver writes goes as packets of the channel. What the driver reads waits in S->chan, where
 * inbox.c puts the bytes, until the guest reads.
 */
#include "base/state.h"
#include "channel/channel.h"
#include "channel/inbox.h"
#include "ipc/driver.h"

#define CHANNEL_QUEUE (64u << 20) /* the platform bounds the size of an invocation far below */

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
	return send_bytes(UC_MSG_DATA, 0, buf, n);
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
	.splice = SPLICE_FROM | SPLICE_TO,
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
