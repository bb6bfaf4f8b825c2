/*
 * xattr.c: extended attributes (xattr(7)), as on a file system without them: no file has any, and none
 * can be set.
 *
 * A list is empty, and any other call is EOPNOTSUPP. Programs that copy files with their attributes
 * (Python's shutil.copystat) take both for an answer. What is wrong with a call itself comes first.
 */
#include "base/state.h"

enum { XATTR_CREATE = 1, XATTR_REPLACE = 2 }; /* <linux/xattr.h> */

/* 0 and the file in *v, or the errno for a path that leads to no file. */
static i64 by_path(u64 p, int follow, struct vnode *v)
{
	PATH(p, path);
	return walk(AT_FDCWD, path, follow, v);
}

/* Likewise for a descriptor. A file that no path leads to counts as one of the synthetic trees. */
static i64 by_fd(u64 fd, struct vnode *v)
{
	const struct file *f = fd_file(fd);
	if (!f || f->flags & O_PATH)
		return -EBADF;
	*v = file_named(f) ? (struct vnode){ f->fs, f->node } : (struct vnode){ FS_SYNTH, 0 };
	return 0;
}

/* xattr(7): a name has 1 to 255 bytes. Any other length is ERANGE, as in the kernel's setxattr_copy. */
static i64 check_name(u64 p)
{
	char name[XATTR_NAME_MAX + 1];
	i64 r = string_user(name, p, sizeof name);
	return r == -ENAMETOOLONG || !r ? -ERANGE : MIN(r, 0);
}

/* found: 0, or the errno of the look-up. */
static i64 get(i64 found, u64 name)
{
	i64 r = found ? found : check_name(name);
	return r ? r : -EOPNOTSUPP;
}

/* setxattr(2), removexattr(2). The image is read-only before anything else. found: the result of the
 * look-up that fills *v in. C does not order the arguments of a call, hence the address. */
static i64 change(i64 found, const struct vnode *v) { return found ? found : v->fs == FS_IMAGE ? -EROFS : -EOPNOTSUPP; }

/* setxattr(2): the arguments are looked at before the file. */
static i64 check_set(u64 name, u64 size, u64 flags)
{
	if (flags & ~(u64)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	i64 r = check_name(name);
	return r ? r : size > XATTR_SIZE_MAX ? -E2BIG : 0;
}

i64 sys_getxattr(u64 p, u64 name)
{
	struct vnode v;
	return get(by_path(p, 1, &v), name);
}

i64 sys_lgetxattr(u64 p, u64 name)
{
	struct vnode v;
	return get(by_path(p, 0, &v), name);
}

i64 sys_fgetxattr(u64 fd, u64 name)
{
	struct vnode v;
	return get(by_fd(fd, &v), name);
}

/* listxattr(2): the length of an empty list. */
i64 sys_listxattr(u64 p)
{
	struct vnode v;
	return by_path(p, 1, &v);
}

i64 sys_llistxattr(u64 p)
{
	struct vnode v;
	return by_path(p, 0, &v);
}

i64 sys_flistxattr(u64 fd)
{
	struct vnode v;
	return by_fd(fd, &v);
}

i64 sys_setxattr(u64 p, u64 name, u64 value, u64 size, u64 flags)
{
	struct vnode v;
	i64 r = check_set(name, size, flags);
	(void)value;
	return r ? r : change(by_path(p, 1, &v), &v);
}

i64 sys_lsetxattr(u64 p, u64 name, u64 value, u64 size, u64 flags)
{
	struct vnode v;
	i64 r = check_set(name, size, flags);
	(void)value;
	return r ? r : change(by_path(p, 0, &v), &v);
}

i64 sys_fsetxattr(u64 fd, u64 name, u64 value, u64 size, u64 flags)
{
	struct vnode v;
	i64 r = check_set(name, size, flags);
	(void)value;
	return r ? r : change(by_fd(fd, &v), &v);
}

i64 sys_removexattr(u64 p, u64 name)
{
	struct vnode v;
	i64 r = check_name(name);
	return r ? r : change(by_path(p, 1, &v), &v);
}

i64 sys_lremovexattr(u64 p, u64 name)
{
	struct vnode v;
	i64 r = check_name(name);
	return r ? r : change(by_path(p, 0, &v), &v);
}

i64 sys_fremovexattr(u64 fd, u64 name)
{
	struct vnode v;
	i64 r = check_name(name);
	return r ? r : change(by_fd(fd, &v), &v);
}
