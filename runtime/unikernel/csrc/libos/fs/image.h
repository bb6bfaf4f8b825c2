/* image.h: the file image, for path.c. */
#ifndef IMAGE_H
#define IMAGE_H
#include "core/state.h"
int image_check(void);
const struct uci_inode *image_inode(u32 id);
i64 image_lookup(u32 dir, const char *name, u64 len, u32 *out);
int image_entry(u32 dir, u64 i, const char **name, u32 *len, u32 *inode, u8 *type);
const u8 *image_bytes(u32 id);
const char *image_target(u32 id);
int image_find(u32 id, u32 *parent, const char **name, u32 *len);
#endif
