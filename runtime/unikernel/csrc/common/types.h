/* types.h: short names for integers of fixed width, pages, and the macros of arithmetic that tender
 * and libOS share. */
#ifndef COMMON_TYPES_H
#define COMMON_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* The kernel's names (include/linux/types.h), for integers whose width matters: nearly all here. */
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define PAGE 4096ull /* bytes; the only page size of user mappings on x86-64 that the two count in */
#define PAGE_UP(x) (((u64)(x) + PAGE - 1) & ~(PAGE - 1))
#define PAGE_DOWN(x) ((u64)(x) & ~(PAGE - 1))

/* An argument is evaluated twice: it must have no side effect. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#endif
