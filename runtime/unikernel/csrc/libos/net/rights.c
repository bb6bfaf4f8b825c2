/*
 * rights.c: descriptors in messages of unix sockets (SCM_RIGHTS, unix(7)).
 *
 * There is one process, so what arrives is a second number for the same open file; programs that
 * hand sockets from thread to thread do so. A set lies with the byte that it was sent with: at
 * counts the bytes of the receiver's queue in front of it, and shrinks as these are read.
 */
#include "base/state.h"
#include "mm/heap.h"
#include "net/rights.h"

/* No further message takes a file with so many references: file.refs has 16 bits. */
#define REFS_MAX 0x8000

/* Bytes of a set of n files. */
static u64 size_of(u32 n) { return sizeof(struct rights) + n * sizeof(u16); }

/* The files of n descriptors, each with a reference of its own. NULL and *error: a number that is
 * not open, or too many. unix(7), ETOOMANYREFS: too many descriptors are under way. */
struct rights *rights_new(const i32 *fds, u32 n, i64 *error)
{
	struct rights *r = n > SCM_MAX_FD ? NULL : kalloc(size_of(n));
	if (!r) {
		*error = n > SCM_MAX_FD ? -EINVAL : -ENOBUFS;
		return NULL;
	}
	for (; r->n < n; r->n++) {
		i64 file = fd_index((u32)fds[r->n]);
		if (file >= 0 && S->files[file].refs >= REFS_MAX)
			file = -ETOOMANYREFS;
		if (file < 0) {
			rights_free(r);
			*error = file;
			return NULL;
		}
		/* The file lives while the message is under way, even if its sender closes it. */
		S->files[file].refs++;
		r->file[r->n] = file;
	}
	return r;
}

/* Closes the files too, if nobody else holds them. */
void rights_free(struct rights *r)
{
	/* The size goes by how many it has: of fewer files than it was made for it may be smaller,
	 * never larger. */
	u32 n = r->n;
	for (u32 i = 0; i < n; i++)
		file_put(r->file[i]);
	kfree(r, size_of(n));
}

/* The list is in the order of the bytes. */
void rights_post(struct sock *to, struct rights *r, u64 at)
{
	struct rights **p = &to->rights;
	while (*p && (*p)->at <= at)
		p = &(*p)->next;
	r->at = at;
	r->next = *p;
	*p = r;
}

/* recvmsg then takes the set with the bytes. */
int rights_here(const struct sock *s) { return s->rights && !s->rights->at; }

/* So that no two sets come with one message. */
u64 rights_limit(const struct sock *s, u64 n)
{
	for (const struct rights *r = s->rights; r; r = r->next)
		if (r->at)
			return MIN(n, r->at);
	return n;
}

/* A read without ancillary data closes what it passes by. */
void rights_read(struct sock *s, u64 n)
{
	while (s->rights && s->rights->at < n)
		rights_free(rights_take(s));
	for (struct rights *r = s->rights; r; r = r->next)
		r->at -= n;
}

/* The caller frees the set. */
struct rights *rights_take(struct sock *s)
{
	struct rights *r = s->rights;
	if (r)
		s->rights = r->next;
	return r;
}

/* The receiver goes; nobody will ask for them. */
void rights_drop(struct sock *s)
{
	while (s->rights)
		rights_free(rights_take(s));
}
