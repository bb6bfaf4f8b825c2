/* Extended attributes: a new file has none, and a file system without them says so; what is wrong with a call comes
 * first. On a file system that has them, what was set reads back. A UC's image is read-only before anything else. */
#include "check.h"
#include <fcntl.h>
#include <sys/xattr.h>

#define FILE_ "/tmp/xattr"
#define NAME "user.test"

/* Neither the file system nor the file has such an attribute. */
#define NONE(x) CHECK((x) == -1 && (errno == EOPNOTSUPP || errno == ENODATA))

int main(void)
{
	static char large[70000];
	char b[300], longest[300];
	int fd = open(FILE_, O_RDWR | O_CREAT | O_TRUNC, 0600), p[2];
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "user.", 5);
	longest[sizeof longest - 1] = 0;
	CHECK(fd >= 0 && pipe(p) == 0 && symlink(FILE_, FILE_ "-link") == 0);
	CHECK(listxattr(FILE_, b, sizeof b) == 0 && llistxattr(FILE_ "-link", b, 0) == 0 && flistxattr(fd, NULL, 0) == 0);
	NONE(getxattr(FILE_, NAME, b, sizeof b));
	NONE(getxattr(FILE_ "-link", NAME, b, sizeof b));
	NONE(fgetxattr(fd, NAME, b, sizeof b));
	NONE(fgetxattr(p[0], NAME, b, sizeof b));
	NONE(removexattr(FILE_, NAME));
	NONE(fremovexattr(fd, NAME));
	if (setxattr(FILE_, NAME, "value", 5, XATTR_CREATE) == 0) {
		CHECK(getxattr(FILE_, NAME, b, sizeof b) == 5 && !memcmp(b, "value", 5));
		CHECK(flistxattr(fd, b, sizeof b) == sizeof NAME && !strcmp(b, NAME));
		CHECK(fsetxattr(fd, NAME, "", 0, XATTR_REPLACE) == 0 && getxattr(FILE_, NAME, b, sizeof b) == 0);
		CHECK(removexattr(FILE_, NAME) == 0 && listxattr(FILE_, b, sizeof b) == 0);
	} else {
		FAILS(setxattr(FILE_, NAME, "value", 5, XATTR_CREATE), EOPNOTSUPP);
		FAILS(fsetxattr(fd, NAME, "value", 5, 0), EOPNOTSUPP);
		FAILS(lsetxattr(FILE_, NAME, "value", 5, 0), EOPNOTSUPP);
	}
	FAILS(getxattr("/tmp/nowhere", NAME, b, sizeof b), ENOENT);
	FAILS(listxattr("/tmp/nowhere", b, sizeof b), ENOENT);
	FAILS(setxattr("/tmp/nowhere", NAME, "", 0, 0), ENOENT);
	FAILS(lremovexattr("/tmp/nowhere", NAME), ENOENT);
	FAILS(listxattr((char *)8, b, sizeof b), EFAULT);
	FAILS(getxattr(FILE_, (char *)8, b, sizeof b), EFAULT);
	FAILS(flistxattr(999, b, sizeof b), EBADF);
	FAILS(fgetxattr(999, NAME, b, sizeof b), EBADF);
	FAILS(getxattr(FILE_, "", b, sizeof b), ERANGE);
	FAILS(getxattr(FILE_, longest, b, sizeof b), ERANGE);
	FAILS(setxattr(FILE_, NAME, "", 0, 4), EINVAL);
	FAILS(setxattr(FILE_, NAME, large, sizeof large, 0), E2BIG);
	int image = open("/guest/xattr", O_RDONLY);
	if (image >= 0) {
		FAILS(setxattr("/guest/xattr", NAME, "", 0, 0), EROFS);
		FAILS(lsetxattr("/guest/xattr", NAME, "", 0, 0), EROFS);
		FAILS(fsetxattr(image, NAME, "", 0, 0), EROFS);
		FAILS(removexattr("/guest/xattr", NAME), EROFS);
		FAILS(lremovexattr("/guest/xattr", NAME), EROFS);
		FAILS(fremovexattr(image, NAME), EROFS);
	}
	CHECK(unlink(FILE_) == 0 && unlink(FILE_ "-link") == 0);
	DONE();
}
