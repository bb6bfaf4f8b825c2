/*
 * text.c: bounded texts, and strings of the guest.
 *
 * Texts are made without a buffer of unknown size: what does not fit is cut, and the caller sees by
 * n == cap that it may have been.
 */
#include "base/libos.h"

/* Two terminated strings. */
int streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The one place that writes: it cuts. */
void put_n(struct text *t, const char *s, u64 n)
{
	n = MIN(n, t->cap - t->n);
	memcpy(t->p + t->n, s, n);
	t->n += n;
}

void put(struct text *t, const char *s) { put_n(t, s, strlen(s)); }

/* Decimal. 20 digits are enough for any 64-bit number. */
void put_u(struct text *t, u64 v)
{
	char b[20];
	int i = sizeof b;
	do
		b[--i] = '0' + v % 10;
	while (v /= 10);
	put_n(t, b + i, sizeof b - i);
}

/* The smallest number has no positive counterpart: it is negated as an unsigned one. */
void put_i(struct text *t, i64 v)
{
	if (v < 0)
		put(t, "-");
	put_u(t, v < 0 ? -(u64)v : (u64)v);
}

/* Hexadecimal with leading zeros, as in /proc/self/maps. */
void put_xw(struct text *t, u64 v, int width)
{
	/* width is at most 16, the digits of 64 bits. */
	char b[16];
	for (int i = 0; i < width; i++)
		b[width - 1 - i] = "0123456789abcdef"[v >> 4 * i & 15];
	put_n(t, b, width);
}

/* Hexadecimal without leading zeros; at least one digit. */
void put_x(struct text *t, u64 v)
{
	int w = 1;
	while (w < 16 && v >> 4 * w)
		w++;
	put_xw(t, v, w);
}

/* The zeros lie in read-only memory, which costs a UC no page of its own. */
i64 zero_user(u64 dst, u64 n)
{
	static const u8 zeros[4096];
	for (u64 k; n; dst += k, n -= k) {
		k = MIN(n, sizeof zeros);
		if (to_user(dst, zeros, k))
			return -EFAULT;
	}
	return 0;
}

/* Copies up to cap bytes with their terminating zero. The memory behind a string may be nobody's. */
i64 string_user(char *dst, u64 src, u64 cap)
{
	u64 n = 0;
	while (n < cap) {
		/* Never across a page that the string may not reach. */
		u64 k = MIN(cap - n, PAGE - ((src + n) & (PAGE - 1)));
		/* Most strings are short: a copy of all that might follow would cost more than it saves. */
		k = MIN(k, 64);
		if (from_user(dst + n, src + n, k))
			return -EFAULT;
		for (u64 i = 0; i < k; i++)
			if (!dst[n + i])
				return n + i; /* the length without the zero */
		n += k;
	}
	return -ENAMETOOLONG;
}
