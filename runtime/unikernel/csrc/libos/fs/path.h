/*
 * path.h: vnodes, file systems and paths.
 *
 * A vnode is a file system and a number in it, so it needs no allocation and no reference count.
 * Each file system has a struct fs_ops, which mounts.c enters into the state.
 */
#ifndef PATH_H
#define PATH_H
#include "base/libos.h"
#include <asm/stat.h>

enum { FS_IMAGE, FS_TMP, FS_SYNTH, FS_COUNT };
#define MAX_MOUNTS 8 /* mounts.c makes seven */
#define NAME_SIZE (NAME_MAX + 1) /* a name with its terminating zero */

struct vnode {
	u32 fs, id;
};
struct mount {
	struct vnode parent, root;
	char name[8];
};

struct fs_ops {
	u32 magic; /* statfs.f_type */
	u32 (*mode)(u32 id); /* st_mode */
	u32 (*parent)(u32 dir);
	i64 (*lookup)(u32 dir, const char *name, u64 len, u32 *out);
	int (*entry)(u32 dir, u64 *pos, const char **name, u32 *len, u32 *id, u8 *type); /* 0 at the end */
	int (*find)(u32 id, u32 *parent, const char **name, u32 *len); /* who lists id: 0: nobody */
	i64 (*target)(u32 id, char *buf, u64 cap); /* bytes of a symbolic link's target, cut to cap */
	i64 (*bytes)(u32 id, const u8 **p, u64 *size); /* of a regular file, in memory */
	void (*stat)(u32 id, struct stat *); /* what vnode_stat has not filled in */
};

/* walk: 0 or -errno; path NULL: dirfd itself. walk_parent: the directory that lists the last part
 * of path, and that part, in NAME_SIZE bytes: "" for "/". */
i64 walk(int dirfd, const char *path, int follow, struct vnode *out);
i64 walk_parent(int dirfd, const char *path, struct vnode *dir, char *name);
i64 lookup(struct vnode dir, const char *name, u64 len, struct vnode *out);

u32 vnode_mode(struct vnode v);
int vnode_is(struct vnode v, u32 type); /* type: S_IFDIR, S_IFREG … */
u64 vnode_ino(struct vnode v);
void vnode_stat(struct vnode v, struct stat *);
i64 vnode_bytes(struct vnode v, const u8 **p, u64 *size);
i64 vnode_path(struct vnode v, char *buf, u64 cap); /* length, or -ENOENT for a file that no directory lists */
i64 vnode_readlink(struct vnode v, char *buf, u64 cap);
int vnode_entry(struct vnode dir, u64 *pos, const char **name, u32 *len, u64 *ino, u8 *type);

/* Copies the path that a call was given onto the stack; the call returns the error if there is
 * none. */
#define PATH(p, name) \
	char name[PATH_MAX]; \
	{ \
		i64 e_ = string_user(name, p, PATH_MAX); \
		if (e_ < 0) \
			return e_; \
	}
#endif
