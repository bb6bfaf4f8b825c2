/*
 * image.c: the read-only file image at UC_IMAGE (abi/uc_image.h).
 *
 * The image is one mapping that all UCs of a language share. Its builder is trusted no further than
 * its bounds: image_check reads every inode and entry once, so that no later access needs a check.
 */
#include "base/state.h"
#include "fs/image.h"

/* The superblock comes first; every offset in the image is from its start. */
#define SUPER ((const struct uci_super *)UC_IMAGE)
#define AT(off) ((const u8 *)UC_IMAGE + (off))

/* All directories' entries are one array; a directory is a run of it. */
static const struct uci_dirent *entries(void) { return (const void *)AT(SUPER->dirent_off); }
/* Names are not terminated: each comes with its length. */
static const char *string(u64 off) { return (const char *)AT(SUPER->string_off + off); }

static const struct uci_inode *inode(u32 id) { return (const struct uci_inode *)AT(SUPER->inode_off) + id; }

/* Reads every inode and entry once at boot, so that later accesses need no checks. */
int image_check(void)
{
	u64 size = HOST->image_size;
	const struct uci_super *s = SUPER;
	if (size < PAGE || s->magic != UCI_MAGIC || s->version != UCI_VERSION || s->size != size || !s->inodes)
		return 0;
	/* Each table must end inside the image. Products could overflow, so the remaining size is divided. */
	if (s->inode_off > size || s->inodes > (size - s->inode_off) / sizeof(struct uci_inode) || s->dirent_off > size ||
		s->dirents > (size - s->dirent_off) / sizeof(struct uci_dirent) || s->string_off > size ||
		s->string_len > size - s->string_off)
		return 0;
	for (u32 i = 0; i < s->inodes; i++) {
		const struct uci_inode *n = inode(i);
		/* What data and size count depends on the kind: entries, bytes of strings, bytes of the image. */
		u64 limit = (n->mode & S_IFMT) == S_IFDIR ? s->dirents : (n->mode & S_IFMT) == S_IFLNK ? s->string_len : size;
		if (n->data > limit || n->size > limit - n->data || n->parent >= s->inodes)
			return 0;
	}
	for (u32 i = 0; i < s->dirents; i++) {
		const struct uci_dirent *d = &entries()[i];
		/* 255 is NAME_MAX: path lookups keep a name in NAME_SIZE bytes. */
		if (d->inode >= s->inodes || d->name > s->string_len || d->len > s->string_len - d->name || d->len > 255)
			return 0;
	}
	/* Paths begin at inode 0. */
	return (inode(0)->mode & S_IFMT) == S_IFDIR;
}

/* Binary search: the builder sorts a directory's entries by name, then by length. */
static i64 image_lookup(u32 dir, const char *name, u64 len, u32 *out)
{
	const struct uci_inode *d = inode(dir);
	u64 lo = d->data, hi = d->data + d->size;
	/* The wanted entry lies in [lo, hi) if the directory has one. */
	while (lo < hi) {
		u64 mid = (lo + hi) / 2;
		const struct uci_dirent *e = &entries()[mid];
		int c = memcmp(string(e->name), name, MIN(e->len, len));
		if (!c)
			c = e->len < len ? -1 : e->len > len;
		if (!c) {
			*out = e->inode;
			return 0;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -ENOENT;
}

/* Who lists id: for getcwd and /proc/self/maps, which are rare, so
 * both tables are searched from the front. */
static int image_find(u32 id, u32 *parent, const char **name, u32 *len)
{
	/* The index i of the entry tells the directory too: a directory's entries are the run from data on. */
	for (u32 i = 0; i < SUPER->dirents; i++) {
		if (entries()[i].inode != id)
			continue;
		*name = string(entries()[i].name), *len = entries()[i].len;
		for (u32 d = 0; d < SUPER->inodes; d++) {
			const struct uci_inode *n = inode(d);
			if ((n->mode & S_IFMT) == S_IFDIR && i >= n->data && i < n->data + n->size) {
				*parent = d;
				return 1;
			}
		}
	}
	return 0;
}

/* A position is the index of an entry in the directory. */
static int image_entry(u32 dir, u64 *pos, const char **name, u32 *len, u32 *id, u8 *type)
{
	const struct uci_inode *d = inode(dir);
	if (*pos >= d->size)
		return 0;
	const struct uci_dirent *e = &entries()[d->data + (*pos)++];
	*name = string(e->name), *len = e->len, *id = e->inode, *type = e->type;
	return 1;
}

/* The functions of struct fs_ops, for path.c. */
static u32 image_mode(u32 id) { return inode(id)->mode; }
/* A parent is stored for each inode; image_check has bounded the number. */
static u32 image_parent(u32 id) { return inode(id)->parent; }

static i64 image_target(u32 id, char *buf, u64 cap)
{
	/* readlink(2): a target is cut to the buffer, and has no zero at its end. */
	u64 n = MIN(inode(id)->size, cap);
	memcpy(buf, string(inode(id)->data), n);
	return n;
}

/* Read-only: whoever maps it privately gets a copy (regular.c). */
static i64 image_bytes(u32 id, const u8 **p, u64 *size)
{
	*p = AT(inode(id)->data), *size = inode(id)->size;
	return 0;
}

/* Times are whole seconds in the image; a file has one name, and belongs to root. */
static void image_stat(u32 id, struct stat *st)
{
	const struct uci_inode *n = inode(id);
	st->st_size = (n->mode & S_IFMT) == S_IFDIR ? PAGE : n->size;
	st->st_mtime = st->st_ctime = st->st_atime = n->mtime;
}

const struct fs_ops image_fs = {
	.magic = EXT4_SUPER_MAGIC,
	.mode = image_mode,
	.parent = image_parent,
	.lookup = image_lookup,
	.entry = image_entry,
	.find = image_find,
	.target = image_target,
	.bytes = image_bytes,
	.stat = image_stat,
};
