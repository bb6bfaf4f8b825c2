/*
 * mounts.c: which file systems there are, and where they are mounted.
 *
 * A mount hides a directory of the one below it: path look-ups compare the directory and the name
 * (path.c). The directories must be in the image; the image builder makes them (mountPoints of
 * image/image.go). There is no call to mount more.
 */
#include "base/state.h"
#include "fs/image.h"
#include "fs/mounts.h"
#include "fs/synth.h"

#define STICKY_MODE 01777 /* as /tmp has everywhere: all may write, the owner alone removes */

/* A program's image may lack a directory: then there is nothing to mount over, and nobody expects
 * it. */
static void mount(const char *parent, const char *name, u32 fs, u32 root)
{
	struct mount *m = &S->mounts[S->nmounts];
	if (walk(AT_FDCWD, parent, 1, &m->parent) < 0)
		return;
	memcpy(m->name, name, strlen(name) + 1);
	m->root = (struct vnode){ fs, root };
	S->nmounts++;
}

void mounts_init(void)
{
	S->fs[FS_IMAGE] = &image_fs;
	S->fs[FS_TMP] = &tmp_fs;
	S->fs[FS_SYNTH] = &synth_fs;
	S->file_path = vnode_path;
	S->cwd = (struct vnode){ FS_IMAGE, 0 };
	mount("/", "dev", FS_SYNTH, synth_root("dev"));
	mount("/", "proc", FS_SYNTH, synth_root("proc"));
	mount("/", "sys", FS_SYNTH, synth_root("sys"));
	mount("/", "tmp", FS_TMP, inode_new(S_IFDIR | STICKY_MODE));
	mount("/var", "tmp", FS_TMP, inode_new(S_IFDIR | STICKY_MODE));
	/* the function's package (package.c) */
	mount("/var", "task", FS_TMP, inode_new(S_IFDIR | 0755));
	mount("/dev", "shm", FS_TMP, inode_new(S_IFDIR | STICKY_MODE));
}
