/* string.c: see string.h. */
#include "common/string.h"

/* `rep movsb` and `rep stosb`: processors with ERMS copy whole pages by microcode as fast as by
 * vector registers, and both halves are compiled with -mgeneral-regs-only. */
void *memcpy(void *d, const void *s, size_t n)
{
	void *r = d;
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return r;
}

/* Backwards where the target overlaps the end of the source. The ABI wants the direction flag clear
 * at every return. */
void *memmove(void *d, const void *s, size_t n)
{
	if (d <= s || (char *)d >= (const char *)s + n)
		return memcpy(d, s, n);
	void *dd = (char *)d + n - 1;
	const void *ss = (const char *)s + n - 1;
	__asm__ volatile("std; rep movsb; cld" : "+D"(dd), "+S"(ss), "+c"(n) : : "memory");
	return d;
}

/* See memcpy. */
void *memset(void *d, int c, size_t n)
{
	void *r = d;
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return r;
}

/* Bytes compare as unsigned (memcmp(3)). gcc must not turn the loop into a call of memcmp:
 * -fno-builtin. */
int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;
	while (s[n])
		n++;
	return n;
}
