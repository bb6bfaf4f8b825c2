/* inotify: each kind of event of a directory and of a file, cookies, poll, edge-triggered epoll, a reader that
 * waits, overflow. */
#include "check.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int in;
static char buf[1 << 20];
static ssize_t have, at;

/* Reads the next event, which must be of this watch, kind and name. */
static unsigned next(int wd, unsigned mask, const char *name)
{
	if (at == have)
		have = read(in, buf, sizeof buf), at = 0;
	struct inotify_event *e = (void *)(buf + at);
	CHECK(have > 0);
	if (e->wd != wd || e->mask != mask || strcmp(e->len ? e->name : "", name) || e->len % 16) {
		printf("got %d %x '%s', want %d %x '%s'\n", e->wd, e->mask, e->len ? e->name : "", wd, mask, name);
		exit(1);
	}
	at += sizeof *e + e->len;
	return e->cookie;
}

static void none(void)
{
	CHECK(at == have);
	FAILS(read(in, buf, sizeof buf), EAGAIN);
	at = have = 0;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void *later(void *arg)
{
	usleep(20000);
	put("/tmp/n/late", "x");
	return arg;
}

static void directories(void)
{
	int wd = inotify_add_watch(in, "/tmp/n",
		IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVE | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF);
	CHECK(wd == 1);
	put("/tmp/n/a", "1");
	next(wd, IN_CREATE, "a"), next(wd, IN_MODIFY, "a"), next(wd, IN_CLOSE_WRITE, "a"), none();
	int fd = open("/tmp/n/a", O_RDWR);
	CHECK(write(fd, "1", 1) == 1 && write(fd, "2", 1) == 1 && ftruncate(fd, 0) == 0);
	next(wd, IN_MODIFY, "a"), none(); /* the same one over and over */
	CHECK(fchmod(fd, 0640) == 0 && close(fd) == 0);
	next(wd, IN_ATTRIB, "a"), next(wd, IN_CLOSE_WRITE, "a"), none();
	CHECK(utimensat(AT_FDCWD, "/tmp/n/a", NULL, 0) == 0 && rename("/tmp/n/a", "/tmp/n/b") == 0);
	next(wd, IN_ATTRIB, "a");
	unsigned cookie = next(wd, IN_MOVED_FROM, "a");
	CHECK(cookie && next(wd, IN_MOVED_TO, "b") == cookie);
	none();
	CHECK(mkdir("/tmp/n/d", 0755) == 0 && rename("/tmp/n/d", "/tmp/m") == 0 && rename("/tmp/m", "/tmp/n/d") == 0);
	next(wd, IN_CREATE | IN_ISDIR, "d");
	cookie = next(wd, IN_MOVED_FROM | IN_ISDIR, "d");
	CHECK(next(wd, IN_MOVED_TO | IN_ISDIR, "d") != cookie);
	CHECK(symlink("b", "/tmp/n/l") == 0 && link("/tmp/n/b", "/tmp/n/h") == 0 && unlink("/tmp/n/l") == 0 &&
		unlink("/tmp/n/b") == 0);
	next(wd, IN_CREATE, "l"), next(wd, IN_CREATE, "h"), next(wd, IN_DELETE, "l"), next(wd, IN_DELETE, "b");
	put("/tmp/n/h", "y"); /* the name that is left */
	next(wd, IN_MODIFY, "h"), next(wd, IN_CLOSE_WRITE, "h");
	put("/tmp/n/d/deeper", "z");
	CHECK(unlink("/tmp/n/d/deeper") == 0 && rmdir("/tmp/n/d") == 0 && unlink("/tmp/n/h") == 0);
	next(wd, IN_DELETE | IN_ISDIR, "d"), next(wd, IN_DELETE, "h"), none();
	pthread_t t;
	CHECK(fcntl(in, F_SETFL, 0) == 0 && pthread_create(&t, NULL, later, NULL) == 0);
	next(wd, IN_CREATE, "late"); /* the read waits */
	pthread_join(t, NULL);
	CHECK(fcntl(in, F_SETFL, O_NONBLOCK) == 0);
	usleep(20000);
	next(wd, IN_MODIFY, "late"), next(wd, IN_CLOSE_WRITE, "late");
	CHECK(rename("/tmp/n", "/tmp/o") == 0 && unlink("/tmp/o/late") == 0 && rmdir("/tmp/o") == 0);
	next(wd, IN_MOVE_SELF, ""), next(wd, IN_DELETE, "late");
	next(wd, IN_DELETE_SELF, ""), next(wd, IN_IGNORED, ""), none();
}

static void files(void)
{
	put("/tmp/f", "0123456789");
	int wd = inotify_add_watch(in, "/tmp/f", IN_ALL_EVENTS), fd = open("/tmp/f", O_RDONLY);
	CHECK(wd == 2 && read(fd, buf, 10) == 10 && close(fd) == 0);
	next(wd, IN_OPEN, ""), next(wd, IN_ACCESS, ""), next(wd, IN_CLOSE_NOWRITE, ""), none();
	CHECK(inotify_add_watch(in, "/tmp/f", IN_MODIFY) == wd && truncate("/tmp/f", 3) == 0 && chmod("/tmp/f", 0600) == 0);
	next(wd, IN_MODIFY, ""), none();
	CHECK(
		inotify_add_watch(in, "/tmp/f", IN_ATTRIB | IN_DELETE_SELF | IN_MASK_ADD) == wd && chmod("/tmp/f", 0640) == 0);
	next(wd, IN_ATTRIB, ""), none();
	FAILS(inotify_add_watch(in, "/tmp/f", IN_MODIFY | IN_MASK_CREATE), EEXIST);
	fd = open("/tmp/f", O_RDONLY);
	CHECK(unlink("/tmp/f") == 0);
	next(wd, IN_ATTRIB, ""), none(); /* it lives as long as it is open */
	CHECK(close(fd) == 0);
	next(wd, IN_DELETE_SELF, ""), next(wd, IN_IGNORED, ""), none();
	put("/tmp/f", "1"), put("/tmp/g", "2");
	wd = inotify_add_watch(in, "/tmp/f", IN_DELETE_SELF);
	CHECK(rename("/tmp/g", "/tmp/f") == 0);
	next(wd, IN_DELETE_SELF, ""), next(wd, IN_IGNORED, ""), none();
	wd = inotify_add_watch(in, "/tmp/f", IN_ATTRIB | IN_ONESHOT);
	CHECK(wd == 4 && chmod("/tmp/f", 0600) == 0 && chmod("/tmp/f", 0640) == 0);
	next(wd, IN_ATTRIB, ""), next(wd, IN_IGNORED, ""), none();
	wd = inotify_add_watch(in, "/tmp/f", IN_MODIFY);
	CHECK(inotify_rm_watch(in, wd) == 0);
	next(wd, IN_IGNORED, ""), none();
	FAILS(inotify_rm_watch(in, wd), EINVAL);
}

/* A file and its directory are watched: which hears first. */
static void order(void)
{
	CHECK(mkdir("/tmp/q", 0700) == 0);
	put("/tmp/q/a", "1"), put("/tmp/q/b", "1"), put("/tmp/q/c", "1");
	int d = inotify_add_watch(in, "/tmp/q", IN_ALL_EVENTS), a = inotify_add_watch(in, "/tmp/q/a", IN_ALL_EVENTS);
	int c = inotify_add_watch(in, "/tmp/q/c", IN_ALL_EVENTS), fd = open("/tmp/q/a", O_WRONLY | O_TRUNC);
	next(d, IN_OPEN, "a"), next(a, IN_OPEN, ""), next(d, IN_MODIFY, "a"), next(a, IN_MODIFY, ""), none();
	CHECK(close(fd) == 0 && unlink("/tmp/q/a") == 0);
	next(d, IN_CLOSE_WRITE, "a"), next(a, IN_CLOSE_WRITE, "");
	next(a, IN_ATTRIB, ""), next(a, IN_DELETE_SELF, ""), next(a, IN_IGNORED, ""), next(d, IN_DELETE, "a"), none();
	CHECK(rename("/tmp/q/b", "/tmp/q/c") == 0);
	next(d, IN_MOVED_FROM, "b"), next(d, IN_MOVED_TO, "c");
	next(c, IN_ATTRIB, ""), next(c, IN_DELETE_SELF, ""), next(c, IN_IGNORED, ""), none();
	CHECK(inotify_rm_watch(in, d) == 0 && unlink("/tmp/q/c") == 0 && rmdir("/tmp/q") == 0);
	next(d, IN_IGNORED, ""), none();
}

static void waiting(void)
{
	struct pollfd p = { in, POLLIN, 0 };
	struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
	int ep = epoll_create1(0), n = 0;
	int wd = inotify_add_watch(in, "/tmp", IN_CREATE | IN_DELETE);
	CHECK(poll(&p, 1, 0) == 0 && epoll_ctl(ep, EPOLL_CTL_ADD, in, &e) == 0 && epoll_wait(ep, &e, 1, 0) == 0);
	put("/tmp/abcdefghijklmnop", "");
	CHECK(
		poll(&p, 1, -1) == 1 && p.revents == POLLIN && epoll_wait(ep, &e, 1, -1) == 1 && epoll_wait(ep, &e, 1, 0) == 0);
	CHECK(ioctl(in, FIONREAD, &n) == 0 && n == 16 + 32);
	FAILS(read(in, buf, n - 1), EINVAL);
	CHECK(unlink("/tmp/abcdefghijklmnop") == 0 && epoll_wait(ep, &e, 1, 0) == 1);
	CHECK(read(in, buf, 2 * n - 1) == n); /* whole events */
	next(wd, IN_DELETE, "abcdefghijklmnop"), none();
	FAILS(write(in, "x", 1), EBADF);
}

static void overflow(int limit)
{
	int wd = inotify_add_watch(in, "/tmp/f", IN_OPEN | IN_CLOSE);
	for (int i = 0; i < limit; i++)
		close(open("/tmp/f", O_RDONLY));
	for (int i = 0; i < limit / 2; i++)
		next(wd, IN_OPEN, ""), next(wd, IN_CLOSE_NOWRITE, "");
	next(-1, IN_Q_OVERFLOW, ""), none();
	close(open("/tmp/f", O_RDONLY));
	next(wd, IN_OPEN, ""), next(wd, IN_CLOSE_NOWRITE, ""), none();
}

int main(void)
{
	char *image = "/";
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	CHECK(in >= 0 && fcntl(in, F_GETFD) == FD_CLOEXEC && mkdir("/tmp/n", 0755) == 0);
	FAILS(inotify_init1(1), EINVAL);
	FAILS(inotify_add_watch(in, "/tmp/none", IN_MODIFY), ENOENT);
	FAILS(inotify_add_watch(in, "/tmp/n", 0), EINVAL);
	FAILS(inotify_add_watch(0, "/tmp/n", IN_MODIFY), EINVAL);
	FAILS(inotify_add_watch(1000, "/tmp/n", IN_MODIFY), EBADF);
	none();
	directories();
	files();
	order();
	waiting();
	overflow(16384);
	FAILS(inotify_add_watch(in, "/tmp/f", IN_MODIFY | IN_ONLYDIR), ENOTDIR);
	CHECK(inotify_add_watch(in, image, IN_MODIFY) > 0 && close(in) == 0);
	put("/tmp/f", "nobody looks");
	CHECK(unlink("/tmp/f") == 0);
	/* Many instances, each with a queue of its own. */
	int all[8];
	for (int i = 0; i < 8; i++)
		CHECK((all[i] = inotify_init1(IN_NONBLOCK)) >= 0 && inotify_add_watch(all[i], "/tmp", IN_CREATE) == 1);
	put("/tmp/f", "x");
	for (int i = 0; i < 8; i++) {
		CHECK(read(all[i], buf, sizeof buf) == 32 && close(all[i]) == 0);
	}
	CHECK(unlink("/tmp/f") == 0);
	DONE();
}
