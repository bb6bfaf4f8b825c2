/*
 * image.h: the read-only file image, the root of all paths. image_check must have passed before the
 * first look-up.
 */
#ifndef IMAGE_H
#define IMAGE_H
#include "fs/path.h"

extern const struct fs_ops image_fs;
int image_check(void); /* 0: the image is broken, or of another version */
#endif
