/* id.c: the sources that this program was built from, as sha256, in the section .id. A test
 * compares it with the sources. */
#include "common/types.h"
#include "tender_id.h" /* made by build.sh */

__attribute__((section(".id"), used)) static const u8 id[32] = TENDER_ID;
