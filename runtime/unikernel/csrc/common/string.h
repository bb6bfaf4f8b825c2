/*
 * string.h: the functions of <string.h> that a program without a libc needs. gcc emits calls of the
 * first four by itself, also with -ffreestanding (GCC manual, 'Language Standards Supported by
 * GCC').
 */
#ifndef COMMON_STRING_H
#define COMMON_STRING_H

#include <stddef.h>

void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
#endif
