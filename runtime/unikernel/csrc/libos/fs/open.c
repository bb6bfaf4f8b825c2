/*
 * open.c: from a path to an open file: open(2), creat(2), memfd_create(2).
 *
 * What the path leads to decides the kind: regular files and directories of any file system
 * (regular.c), texts and devices of the synthetic trees (synth.c), named pipes (pipe.c). The image
 * and the synthetic trees are read-only, so files are made in tmpfs alone; elsewhere the error is
 * that of a read-only file system.
 *
 * Permissions are not checked: the guest is root. Only the image refuses to be written, which root
 * could not do on a read-only file system either.
 */
#include "base/state.h"
#include "fs/notify.h"
#include "fs/synth.h"
#include "fs/pipe.h"

/* A vnode becomes an open file. The flags that only concern opening are not kept: F_GETFL does not
 * show them. */
static i64 open_node(struct vnode v, u32 flags)
{
	u32 type = vnode_mode(v) & S_IFMT;
	int write = flags & (O_ACCMODE | O_TRUNC);
	if (flags & O_DIRECTORY && type != S_IFDIR)
		return -ENOTDIR;
	/* O_NOFOLLOW was given, or the link leads nowhere further. */
	if (type == S_IFLNK && !(flags & O_PATH))
		return -ELOOP;
	/* open(2): EISDIR for write access to a directory, O_PATH aside. */
	if (type == S_IFDIR && write && !(flags & O_PATH))
		return -EISDIR;
	/* The image is one mapping that all UCs of the host share. */
	if (v.fs == FS_IMAGE && write && type == S_IFREG && !(flags & O_PATH))
		return -EROFS;
	i64 i;
	/* A pipe that has a name: its ends are counted (pipe.c). */
	if (v.fs == FS_TMP && type == S_IFIFO && !(flags & O_PATH))
		return fifo_open(v.id, flags);
	/* A socket's name is for connect (unix(7)). */
	if (v.fs == FS_TMP && type == S_IFSOCK && !(flags & O_PATH))
		return -ENXIO;
	if (v.fs == FS_SYNTH && type != S_IFDIR && !(flags & O_PATH))
		return synth_open(v.id, flags);
	i = file_new(type == S_IFDIR ? &directory_ops : &regular_ops,
		flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOFOLLOW), NULL);
	if (i < 0)
		return i;
	S->files[i].fs = v.fs, S->files[i].node = v.id;
	if (v.fs == FS_TMP) {
		/* An open file holds its inode, whatever becomes of the name. */
		S->inodes[v.id].refs++;
		if (!(flags & O_PATH))
			notify_file(v.id, IN_OPEN);
		if (flags & O_TRUNC && type == S_IFREG)
			tmp_resize(v.id, 0);
	}
	return i;
}

/* open(2) with O_CREAT: the last component may not exist, but its directory must. O_EXCL looks at
 * the name itself, a symbolic link too. */
static i64 create(int dirfd, const char *path, u32 flags, u32 mode)
{
	struct vnode dir, v;
	char name[NAME_SIZE];
	i64 r = walk_parent(dirfd, path, &dir, name);
	if (r)
		return r;
	/* Only the root has no name, and the root is a directory. */
	if (!name[0])
		return -EISDIR;
	/* The name itself, not what a link leads to. */
	r = lookup(dir, name, strlen(name), &v);
	if (!r) {
		if (flags & O_EXCL)
			return -EEXIST;
		r = walk(dirfd, path, !(flags & O_NOFOLLOW), &v);
		return r ? r : open_node(v, flags);
	}
	if (r != -ENOENT)
		return r;
	if (dir.fs != FS_TMP)
		return dir.fs == FS_IMAGE ? -EROFS : -ENOENT; /* Linux's proc_lookup fails first */
	r = tmp_create(dir.id, name, S_IFREG | (mode & 07777 & ~S->umask));
	/* A new file is empty: truncating it would be an event that did not happen. */
	return r < 0 ? r : open_node((struct vnode){ FS_TMP, r }, flags & ~O_TRUNC);
}

/* O_TMPFILE: a file in a directory that does not list it. open(2), O_TMPFILE: it must be open for
 * writing, since nobody else could. */
static i64 unnamed(struct vnode dir, u32 flags, u32 mode)
{
	if (!vnode_is(dir, S_IFDIR))
		return -ENOTDIR;
	if (!(flags & O_ACCMODE))
		return -EINVAL;
	if (dir.fs != FS_TMP)
		return -EOPNOTSUPP; /* open(2): a file system without O_TMPFILE */
	i64 r = tmp_unnamed(S_IFREG | (mode & 07777 & ~S->umask));
	return r < 0 ? r : open_node((struct vnode){ FS_TMP, r }, flags);
}

/* memfd_create(2). The name is for people who look into /proc, and is checked only for its length. */
i64 sys_memfd_create(u64 name, u64 flags)
{
	enum { MEMFD_NAME = 249 }; /* memfd_create(2): bytes of a name, without the end */
	char unused[MEMFD_NAME + 1];
	i64 r = string_user(unused, name, sizeof unused);
	if (flags & ~(u64)(MFD_CLOEXEC | MFD_ALLOW_SEALING) || r == -ENAMETOOLONG)
		return -EINVAL;
	if (r < 0)
		return r;
	r = tmp_unnamed(S_IFREG | 0777);
	r = r < 0 ? r : open_node((struct vnode){ FS_TMP, r }, O_RDWR);
	return fd_install(r, !!(flags & MFD_CLOEXEC));
}

/* open(2), openat(2). */
static i64 do_open(int dirfd, u64 p, u32 flags, u32 mode)
{
	struct vnode v;
	PATH(p, path);
	i64 r;
	/* O_TMPFILE has the bit of O_DIRECTORY too, so that a kernel without O_TMPFILE fails: <asm-generic/fcntl.h>. */
	if (flags & __O_TMPFILE) {
		r = walk(dirfd, path, 1, &v);
		r = r ? r : unnamed(v, flags & ~O_TMPFILE, mode);
	} else if (flags & O_CREAT) {
		r = create(dirfd, path, flags, mode);
	} else {
		r = walk(dirfd, path, !(flags & O_NOFOLLOW), &v);
		r = r ? r : open_node(v, flags);
	}
	return fd_install(r, !!(flags & O_CLOEXEC));
}

i64 sys_open(u64 p, u64 flags, u64 mode) { return do_open(AT_FDCWD, p, flags, mode); }
i64 sys_openat(u64 fd, u64 p, u64 flags, u64 mode) { return do_open((int)fd, p, flags, mode); }
i64 sys_creat(u64 p, u64 mode) { return do_open(AT_FDCWD, p, O_CREAT | O_TRUNC | O_WRONLY, mode); }
