/* names.h: what the calls that take a path share: names.c (open, stat) and dirs.c (the tree itself). */
#ifndef NAMES_H
#define NAMES_H

#include "fs/image.h"
#include "fs/tmpfs.h"
#include "fs/synth.h"

#define PATH_MAX 4096
#define AT_NOFOLLOW 0x100
#define AT_EMPTY 0x1000

#define PATH(p, name) \
	char name[PATH_MAX]; \
	{ i64 e_ = string_user(name, p, PATH_MAX); if (e_ < 0) return e_; }
#endif
