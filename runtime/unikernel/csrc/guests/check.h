/* check.h: a guest program proves its subject by CHECKs and prints SUCCESS. */
#ifndef CHECK_H
#define CHECK_H
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(x) \
	do { \
		errno = 0; \
		if (!(x)) { \
			printf("%s:%d: %s: errno %d (%s)\n", __FILE__, __LINE__, #x, errno, strerror(errno)); \
			exit(1); \
		} \
	} while (0)
#define FAILS(x, e) CHECK((x) == -1 && errno == (e))
#define DONE() \
	do { \
		puts("SUCCESS"); \
		return 0; \
	} while (0)
#endif
