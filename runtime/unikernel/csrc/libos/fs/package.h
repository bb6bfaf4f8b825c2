/* package.h: the function's package, for inbox.c and exec.c. */
#ifndef PACKAGE_H
#define PACKAGE_H
#include "base/libos.h"

void package_init(void); /* after mounts_init */
void package_message(const u8 *records, u64 n); /* the body of UC_MSG_FILE */
#endif
