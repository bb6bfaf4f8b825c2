/*
 * uc_image.h: the read-only file image: one blob that a tender maps at UC_IMAGE and that all UCs of a host share.
 *
 * superblock | inodes | directory entries | strings | file data, each file at a page boundary.
 * Inode 0 is "/". A directory's entries are contiguous and sorted by name (memcmp, then length), so lookup is a binary
 * search. Offsets are from the start of the image. The builder writes no device, no socket and no hard link.
 */
#ifndef UC_IMAGE_H
#define UC_IMAGE_H

#include <stdint.h>

#define UCI_MAGIC   0x31494355u /* "UCI1" */
#define UCI_VERSION 1u

struct uci_super {
	uint32_t magic, version;
	uint64_t size;              /* of the whole image, a multiple of 4096 */
	uint8_t  sha256[32];        /* over everything after the first 4096 bytes */
	uint32_t inodes, dirents;
	uint64_t inode_off, dirent_off;
	uint64_t string_off, string_len;
};

struct uci_inode {
	uint32_t mode;   /* st_mode: S_IFREG, S_IFDIR or S_IFLNK, and permissions */
	uint32_t parent; /* directory: inode of ".."; else 0 */
	uint64_t size;   /* file: bytes; directory: number of entries; symlink: length of the target */
	uint64_t data;   /* file: offset of its data; directory: index of its first entry; symlink: offset in strings */
	int64_t  mtime;  /* seconds */
};

struct uci_dirent {
	uint32_t name;   /* offset in strings, not terminated */
	uint32_t len;
	uint32_t inode;
	uint32_t type;   /* DT_REG, DT_DIR, DT_LNK */
};

_Static_assert(sizeof(struct uci_super) == 88, "uci_super");
_Static_assert(sizeof(struct uci_inode) == 32, "uci_inode");
_Static_assert(sizeof(struct uci_dirent) == 16, "uci_dirent");

#endif
