/*
 * dirs.h: what others ask of the tree: bind(2) of a unix socket makes a file.
 */
#ifndef DIRS_H
#define DIRS_H
#include "base/libos.h"

i64 make_socket(const char *path); /* the name of a bound unix socket; 0 or -errno */
#endif
