package snapshot

import "sync"

// Candidates is what captures above one snapshot are likely to find. Most of what
// the import of a function changes (a language runtime's heap, above all) it
// changes to the same content as that of any other. A capture that is given
// those pages as candidates compares with them at once, and what is equal is
// neither copied nor hashed.
//
// Nothing of a function is kept longer for it: a page is expected when at least
// two snapshots have it. As everywhere, tenants see only their own.
type Candidates struct {
	arena *Arena

	mu       sync.Mutex
	byTenant map[string]*CandidateSet // guarded by mu
	closed   bool                     // guarded by mu
}

// CandidateSet are committed pages, sorted and without those of zeros. They stay where
// they are until Release.
type CandidateSet struct {
	Pages []Page

	of    *Candidates
	users int // guarded by of.mu; the table is one
}

const (
	maxTenants    = 16   // whose pages are expected at a time
	maxCandidates = 4096 // of one tenant
)

// NewCandidates makes it for captures into a.
func NewCandidates(a *Arena) *Candidates {
	return &Candidates{arena: a, byTenant: map[string]*CandidateSet{}}
}

// Acquire returns the tenant's candidates for one capture; nil if there are none.
func (e *Candidates) Acquire(tenant string) *CandidateSet {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.byTenant[tenant]
	if h != nil {
		h.users++
	}
	return h
}

// Release ends one use of the candidates.
func (h *CandidateSet) Release() {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	h.of.unuse(h)
}

// unuse needs e.mu.
func (e *Candidates) unuse(h *CandidateSet) {
	if h.users--; h.users == 0 {
		e.arena.release(h.Pages)
	}
}

// Observe looks at a layer that was committed. If many of its pages were known to the
// tenant and had not been expected, those that it shares are from now on.
func (e *Candidates) Observe(l *Layer) {
	l.mu.Lock()
	pages, learn := l.pages, l.committed && !l.closed && l.missed > len(l.pages)/8
	if learn {
		pages = e.arena.shared(pages, maxCandidates)
	}
	l.mu.Unlock()
	if !learn {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	h := &CandidateSet{Pages: pages, of: e, users: 1}
	if e.closed {
		e.unuse(h)
		return
	}
	e.forget(l.Tenant)
	e.byTenant[l.Tenant] = h
}

// forget makes room for a tenant's candidates. It needs e.mu.
func (e *Candidates) forget(tenant string) {
	old, ok := e.byTenant[tenant]
	if !ok {
		if len(e.byTenant) < maxTenants {
			return
		}
		for tenant, old = range e.byTenant { // any
			break
		}
	}
	delete(e.byTenant, tenant)
	e.unuse(old)
}

// Close forgets everything; candidates that are in use stay until they are not.
func (e *Candidates) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, h := range e.byTenant {
		e.unuse(h)
	}
	clear(e.byTenant)
}

// shared counts those pages once more that somebody else has too, at most n.
func (a *Arena) shared(pages []Page, n int) []Page {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Page
	for _, p := range pages {
		if p.Slot != 0 && a.refs[p.Slot] > 1 && len(out) < n {
			a.refs[p.Slot]++
			out = append(out, p)
		}
	}
	return out
}

// Hold counts pages that are held already once more: for a layer that has them
// too.
func (a *Arena) Hold(pages []Page) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range pages {
		a.refs[p.Slot]++
	}
}
