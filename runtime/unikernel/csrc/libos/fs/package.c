/*
 * package.c: the function's package. Its files lie in the tmpfs at /var/task before the driver is
 * told of them.
 *
 * They come as records of UC_MSG_FILE (abi/uc.h): a small file in one record, a large one in
 * several, each with the offset where its bytes belong. What is wrong with a record is a defect of
 * the platform, or a package that does not fit: both end the UC with a sentence, because a function
 * must not run with half of its files.
 */
#include "base/state.h"
#include "fs/package.h"
#include "host/host.h"

/*
 * The package's libraries are searched for in /var/task/lib. ld.so remembers for the life of a
 * process that a directory was missing when it first looked, so this one is there before the
 * package, and goes if the package has none.
 */
#define LIBRARIES "lib"

/* The inode of /var/task. A language image without that directory could not hold a function. */
static u32 task_root(void)
{
	struct vnode v;
	if (walk(AT_FDCWD, "/var/task", 1, &v) || v.fs != FS_TMP)
		uc_panic("no /var/task", 0);
	return v.id;
}

/* The directory in which path names something, made where it is missing; *name is its last part.
 * Cuts path up. */
static i64 directory_of(char *path, char **name)
{
	u32 dir = task_root();
	for (char *p = path;; p++) {
		*name = p;
		while (*p && *p != '/')
			p++;
		int last = !*p;
		u64 len = p - *name;
		*p = 0;
		/* A path must stay below /var/task: no empty component, no dot. */
		if (!len || streq(*name, ".") || streq(*name, ".."))
			return -EINVAL;
		if (last)
			return dir;
		u32 id;
		i64 r = tmp_fs.lookup(dir, *name, len, &id) ? tmp_create(dir, *name, S_IFDIR | 0755) : (i64)id;
		if (r < 0)
			return r;
		/* A file of that name came before. */
		if ((S->inodes[r].mode & S_IFMT) != S_IFDIR)
			return -ENOTDIR;
		dir = r;
	}
}

/* A symbolic link's content is its target, which comes in one piece. */
static i64 put_link(u32 dir, const char *name, const struct uc_file *f, const u8 *content)
{
	char target[PATH_MAX];
	/* A target comes in one piece, and must end somewhere. */
	if (f->off || f->bytes != f->size || !f->size || f->size >= sizeof target)
		return -EINVAL;
	memcpy(target, content, f->size);
	target[f->size] = 0;
	return tmp_symlink(dir, name, target);
}

/* One record. The first of a file reserves room for all of it, so that its buffer is made once. */
static i64 put_file(const struct uc_file *f, char *path, const u8 *content)
{
	char *name;
	i64 dir = directory_of(path, &name);
	if (dir < 0)
		return dir;
	if ((f->mode & S_IFMT) == S_IFLNK)
		return put_link(dir, name, f, content);
	u32 id;
	i64 r = tmp_fs.lookup(dir, name, strlen(name), &id) ? tmp_create(dir, name, S_IFREG | (f->mode & 07777)) : (i64)id;
	if (r < 0)
		return r;
	if ((S->inodes[r].mode & S_IFMT) != S_IFREG)
		return -EISDIR;
	/* The size of the whole file is known from its first record on. */
	i64 e = f->off ? 0 : inode_reserve(r, f->size);
	if (!e && f->bytes)
		e = tmp_write(r, (u64)content, f->bytes, f->off);
	return MIN(e, 0);
}

/* Before a snapshot: the directory is then in every function's UC. */
void package_init(void)
{
	if (tmp_create(task_root(), LIBRARIES, S_IFDIR | 0755) < 0)
		uc_panic("no room for a directory", 0);
}

/* Records follow one another, each filled up to a multiple of 8 bytes. */
void package_message(const u8 *p, u64 n)
{
	/* It was there for the case that the package has libraries. */
	tmp_unlink(task_root(), LIBRARIES, 1); /* fails where files of an earlier message are in it */
	char path[PATH_MAX];
	struct uc_file f;
	while (n) {
		/* A record is looked at only as far as the message goes. */
		if (n < sizeof f)
			uc_end(UC_EXIT_REFUSED, 0, "malformed file of the package");
		memcpy(&f, p, sizeof f);
		u64 len = (sizeof f + (u64)f.path + f.bytes + 7) & ~7ull;
		if (f.path >= sizeof path || len > n)
			uc_end(UC_EXIT_REFUSED, 0, "malformed file of the package");
		memcpy(path, p + sizeof f, f.path);
		path[f.path] = 0;
		i64 e = put_file(&f, path, p + sizeof f + f.path);
		/* The function's limit is too small for its package: the platform tells its owner. */
		if (e == -ENOSPC || e == -EFBIG)
			uc_end(UC_EXIT_MEMORY, 0, "the package does not fit into the memory limit");
		if (e)
			uc_end(UC_EXIT_REFUSED, 0, "a file of the package has a name that cannot be");
		p += len, n -= len;
	}
}
