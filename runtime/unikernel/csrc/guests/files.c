/* Files and directories in tmpfs; the image is read-only; links, renames, holes, shared mappings, descriptors and
 * their limit. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

int main(void)
{
	struct stat st;
	char b[100000];
	int fd = open("/tmp/f", O_RDWR | O_CREAT | O_EXCL, 0640);
	CHECK(fd >= 0 && write(fd, "hello", 5) == 5 && lseek(fd, 0, SEEK_CUR) == 5);
	FAILS(open("/tmp/f", O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK(pwrite(fd, "X", 1, 99999) == 1 && fstat(fd, &st) == 0 && st.st_size == 100000 && (st.st_mode & 0777) == 0640);
	CHECK(pread(fd, b, sizeof b, 0) == 100000 && b[5] == 0 && b[99999] == 'X' && !memcmp(b, "hello", 5));
	struct iovec v[2] = { { "ab", 2 }, { "cde", 3 } }, w[2] = { { b, 1 }, { b + 10, 100 } };
	CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 && writev(fd, v, 2) == 5 && preadv(fd, w, 2, 0) == 5 &&
		b[10] == 'b');
	char *m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED && !memcmp(m, "abcde", 5));
	m[0] = 'Z';
	CHECK(pread(fd, b, 1, 0) == 1 && b[0] == 'Z' && pwrite(fd, "Y", 1, 1) == 1 && m[1] == 'Y');
	char *pr = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(pr != MAP_FAILED && pr[0] == 'Z' && (pr[0] = 'Q') && m[0] == 'Z');
	CHECK(mkdir("/tmp/d", 0755) == 0 && mkdir("/tmp/d/e", 0755) == 0);
	FAILS(mkdir("/tmp/d", 0755), EEXIST);
	FAILS(rmdir("/tmp/d"), ENOTEMPTY);
	CHECK(rename("/tmp/f", "/tmp/d/g") == 0 && stat("/tmp/f", &st) == -1 && errno == ENOENT);
	FAILS(rename("/tmp/d", "/tmp/d/e/x"), EINVAL);
	CHECK(symlink("../d/g", "/tmp/d/l") == 0 && readlink("/tmp/d/l", b, 100) == 6 && open("/tmp/d/l", O_RDONLY) >= 0);
	CHECK(lstat("/tmp/d/l", &st) == 0 && S_ISLNK(st.st_mode) && stat("/tmp/d/l", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(link("/tmp/d/g", "/tmp/h") == 0 && stat("/tmp/h", &st) == 0 && st.st_nlink == 2);
	CHECK(symlink("loop", "/tmp/loop") == 0);
	FAILS(open("/tmp/loop", O_RDONLY), ELOOP);
	CHECK(chdir("/tmp/d/e") == 0 && getcwd(b, sizeof b) && !strcmp(b, "/tmp/d/e") && access("../g", R_OK) == 0);
	DIR *d = opendir("..");
	int n = 0;
	for (struct dirent *e; (e = readdir(d)); n++)
		CHECK(strlen(e->d_name) < 3);
	CHECK(n == 5); /* . .. e g l */
	closedir(d);
	/* An unlinked file lives as long as it is open. */
	CHECK(unlink("/tmp/h") == 0 && unlink("/tmp/d/g") == 0 && pread(fd, b, 1, 0) == 1);
	FAILS(unlink("/tmp/d/e"), EISDIR);
	FAILS(open("/etc/new", O_CREAT | O_WRONLY, 0600), EROFS);
	FAILS(open("/guest/files", O_WRONLY), EROFS);
	FAILS(open("/guest/files/x", O_RDONLY), ENOTDIR);
	FAILS(unlink("/guest/files"), EROFS);
	FAILS(open((char *)8, O_RDONLY), EFAULT);
	FAILS(pread(fd, (char *)8, 1, 0), EFAULT);
	memset(b, 'a', 5000), b[5000] = 0;
	FAILS(open(b, O_RDONLY), ENAMETOOLONG);
	/* Ten thousand files: their descriptors are limited, their names are not. */
	for (n = 0; n < 10000; n++) {
		int k = open("/dev/null", O_RDONLY);
		if (k < 0)
			break;
	}
	CHECK(n < 1024 && open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
	CHECK(close_range(10, ~0u, 0) == 0);
	for (int i = 0; i < 10000; i++) {
		sprintf(b, "/tmp/d/e/%d", i);
		int k = open(b, O_CREAT | O_WRONLY, 0600);
		CHECK(k >= 0 && write(k, b, 10) > 0 && close(k) == 0);
	}
	for (int i = 0; i < 10000; i++) {
		sprintf(b, "/tmp/d/e/%d", i);
		CHECK(unlink(b) == 0);
	}
	CHECK(rmdir("/tmp/d/e") == 0);
	FAILS(openat(AT_FDCWD, ".", O_CREAT | O_WRONLY, 0600), EISDIR);
	struct statfs fs;
	CHECK(statfs("/tmp", &fs) == 0 && fs.f_type == 0x01021994);
	int dup1 = dup(fd), dup2_ = dup2(fd, 700);
	CHECK(dup1 > fd && dup2_ == 700 && fcntl(700, F_GETFD) == 0 && lseek(dup1, 3, SEEK_SET) == 3 &&
		lseek(700, 0, SEEK_CUR) == 3);
	CHECK(write(open("/dev/full", O_WRONLY), "x", 1) == -1 && errno == ENOSPC);
	DONE();
}
