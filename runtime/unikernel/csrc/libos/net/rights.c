/*
 * rights.c: descriptors in messages of unix sockets. There is one process, so what arrives is a second number for the same open
 * file; programs that hand sockets from thread to thread do so. A set lies with the byte that it was sent with.
 */
#include "core/state.h"
#include "mm/heap.h"
#include "net/rights.h"

static u64 size_of(u32 n) { return sizeof(struct rights) + n * sizeof(u16); }

struct rights *rights_new(const i32 *fds, u32 n, i64 *error)
{
	struct rights *r = n > SCM_MAX_FD ? NULL : kalloc(size_of(n));
	if (!r) {
		*error = n > SCM_MAX_FD ? -EINVAL : -ENOBUFS;
		return NULL;
	}
	for (; r->n < n; r->n++) {
		i64 file = fd_index((u32)fds[r->n]);
		if (file < 0) {
			rights_free(r);
			*error = file;
			return NULL;
		}
		S->files[file].refs++;
		r->file[r->n] = file;
	}
	return r;
}

/* The memory goes by how many it has now: of fewer files than it was made for it may be smaller, never larger. */
void rights_free(struct rights *r)
{
	u32 n = r->n;
	for (u32 i = 0; i < n; i++)
		file_put(r->file[i]);
	kfree(r, size_of(n));
}

void rights_post(struct sock *to, struct rights *r, u64 at)
{
	struct rights **p = &to->rights;
	while (*p && (*p)->at <= at)
		p = &(*p)->next;
	r->at = at;
	r->next = *p;
	*p = r;
}

int rights_here(const struct sock *s) { return s->rights && !s->rights->at; }

u64 rights_limit(const struct sock *s, u64 n)
{
	for (const struct rights *r = s->rights; r; r = r->next)
		if (r->at)
			return MIN(n, r->at);
	return n;
}

void rights_read(struct sock *s, u64 n)
{
	while (s->rights && s->rights->at < n)
		rights_free(rights_take(s));
	for (struct rights *r = s->rights; r; r = r->next)
		r->at -= n;
}

struct rights *rights_take(struct sock *s)
{
	struct rights *r = s->rights;
	if (r)
		s->rights = r->next;
	return r;
}

void rights_drop(struct sock *s)
{
	while (s->rights)
		rights_free(rights_take(s));
}
