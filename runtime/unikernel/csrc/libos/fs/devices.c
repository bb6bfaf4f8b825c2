/*
 * devices.c: null(4), zero(4), full(4), random(4), console(4).
 *
 * They have no state, but for the stream that a console names: an open one is its operations alone.
 * Numbers of devices are Linux's (Documentation/admin-guide/devices.txt), since programs look at
 * st_rdev to know /dev/null.
 */
#include "base/state.h"
#include "channel/channel.h"
#include "host/host.h"
#include "mm/region.h"

/* A kind with a size has a position (file.h), so lseek on these files succeeds. */
static u64 no_size(struct file *f)
{
	(void)f;
	return 0; /* there is a position, which lseek moves and nobody reads */
}

/* epoll takes them, as it does on Linux's devices that can be polled. */
static u32 always_ready(struct file *f)
{
	(void)f;
	return POLLIN | POLLOUT;
}

/* null(4): every read is at the end of the file. */
static i64 read_end(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)buf, (void)n, (void)off;
	return 0;
}

/* zero(4), full(4): a buffer of any length is filled. */
static i64 read_zeros(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)off;
	return zero_user(buf, n) ? -EFAULT : (i64)n;
}

/* Every read asks the host: a generator of our own would be the same in every clone. */
static i64 read_random(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)off;
	return host_entropy_user(buf, n);
}

/* null, zero and random take everything; what is written to random would mix into the host's pool,
 * which needs none of it. */
static i64 swallow(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)buf, (void)off;
	return n;
}

/* full(4): a program's handling of a full disk can be tested. */
static i64 refuse(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)f, (void)buf, (void)n, (void)off;
	return -ENOSPC;
}

/* A mapping of /dev/zero is anonymous memory. */
static i64 map_zeros(struct file *f, u64 at, u64 len, int prot, int flags, u64 off)
{
	(void)f, (void)off;
	return vma_map(at, len, prot, flags, V_ANON);
}

/* st_mode of all; the device number's major part is above its minor one, as makedev(3) has it
 * for small numbers. */
#define MODE (S_IFCHR | 0666)
#define MEMORY(minor) (1 << 8 | (minor)) /* major number 1 */

const struct file_ops null_ops = { .name = "/dev/null",
	.mode = MODE,
	.device = MEMORY(3),
	.read = read_end,
	.splice = SPLICE_TO,
	.write = swallow,
	.poll = always_ready,
	.size = no_size };
const struct file_ops zero_ops = { .name = "/dev/zero",
	.mode = MODE,
	.device = MEMORY(5),
	.read = read_zeros,
	.splice = SPLICE_FROM | SPLICE_TO,
	.write = swallow,
	.poll = always_ready,
	.size = no_size,
	.map = map_zeros };
const struct file_ops full_ops = { .name = "/dev/full",
	.mode = MODE,
	.device = MEMORY(7),
	.splice = SPLICE_FROM,
	.read = read_zeros,
	.write = refuse,
	.poll = always_ready };
const struct file_ops random_ops = { .name = "/dev/urandom",
	.mode = MODE,
	.device = MEMORY(9),
	.read = read_random,
	.splice = SPLICE_FROM | SPLICE_TO,
	.write = swallow,
	.poll = always_ready };

/* ---- The console ---- */

/* A console that was opened by its name, /dev/console, is the standard error. */
static i64 console_write(struct file *f, u64 buf, u64 n, i64 off)
{
	(void)off;
	return send_bytes(UC_MSG_CONSOLE, f->aux ? f->aux : STDERR, buf, n);
}

/* Output never waits for long: the platform reads. */
static u32 console_poll(struct file *f)
{
	(void)f;
	return POLLOUT;
}

const struct file_ops console_ops = { .name = "/dev/console",
	.mode = MODE,
	.device = 5 << 8 | 1,
	.read = read_end, /* nobody types */
	.splice = SPLICE_TO,
	.write = console_write,
	.poll = console_poll };
