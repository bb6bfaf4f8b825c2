// Package snapshot holds the pages of captured unikernel contexts: in memory,
// shared and counted, and in files.
//
// A [Layer] is what one capture adds to the snapshot below it. Large layers
// (a booted language runtime) have a file in memory of their own, from which a
// tender maps them. Small ones (a function) have pages in the [Arena], from
// which a tender copies them.
//
// The package knows neither processes nor tenders: it is told what a capture
// took, and says what a deploy has to lay.
package snapshot

import (
	"bytes"
	"hash/maphash"
	"os"
	"slices"
	"sync"
)

// Page is one page of a small layer.
type Page struct {
	VPN  uint32 // guest address / PageSize
	Slot Slot   // where its content is; 0: zeros
}

// Extent is a stretch of a large layer.
type Extent struct {
	VPN   uint32
	Pages uint32
	Off   int64 // in the layer's file
}

// Range is a stretch of guest pages.
type Range struct{ VPN, Pages uint32 }

// Layer is one capture's pages. Close it when nothing is deployed from it any
// more.
type Layer struct {
	Parent *Layer // nil at the base
	Tenant string // equal pages are shared within one tenant only

	// A large layer.
	File    *os.File
	Extents []Extent // sorted
	Filled  int64    // bytes of guest memory in the file, without what only fills gaps

	// Holes are ranges that read as zeros whatever lies beneath. They are laid
	// before the pages.
	Holes []Range

	arena *Arena

	mu        sync.Mutex
	pages     []Page // sorted; guarded by mu, as all below
	stage     Slot   // where pages still are, until they are committed
	stageN    int
	pins      int
	committed bool
	closed    bool
	unique    int64 // pages that nobody else has
	missed    int   // pages that committing found in the arena
}

// NewSmall makes a layer of pages that lie in a stage of the arena, or outside
// of it, where they stay: those the layer takes over, see Arena.Hold.
func NewSmall(a *Arena, parent *Layer, tenant string, pages []Page, holes []Range, stage Slot, stageN int) *Layer {
	slices.SortFunc(pages, func(x, y Page) int { return int(x.VPN) - int(y.VPN) })
	l := &Layer{Parent: parent, Tenant: tenant, Holes: holes, arena: a, pages: pages, stage: stage, stageN: stageN}
	for _, p := range pages {
		if p.Slot == 0 || l.staged(p.Slot) {
			l.unique++
		}
	}
	return l
}

func (l *Layer) staged(s Slot) bool { return s >= l.stage && s-l.stage < Slot(l.stageN) }

// NewLarge makes a layer whose pages lie in a file.
func NewLarge(parent *Layer, file *os.File, extents []Extent, filled int64, holes []Range) *Layer {
	return &Layer{Parent: parent, File: file, Extents: extents, Filled: filled, Holes: holes, committed: true}
}

// Size is the memory of the layer's page diff, in bytes. A page that another layer
// had before, and that both share, does not count.
func (l *Layer) Size() int64 {
	if l.File != nil {
		return l.Filled
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unique * PageSize
}

// Count is how many pages the layer has, shared ones included.
func (l *Layer) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pages)
}

// Pin keeps the pages where they are and returns them, sorted. Unpin when
// whoever reads them is done. The slice may not be changed.
func (l *Layer) Pin() []Page {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pins++
	return l.pages
}

// Unpin undoes one Pin.
func (l *Layer) Unpin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pins--
	if l.pins == 0 && l.committed {
		l.unstage()
	}
}

// unstage needs l.mu.
func (l *Layer) unstage() {
	if l.stageN > 0 {
		l.arena.Unstage(l.stage, l.stageN)
		l.stageN = 0
	}
}

// Find is where this layer alone has the content of a page.
func (l *Layer) Find(vpn uint32) (Slot, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := find(l.pages, vpn)
	if !ok {
		return 0, false
	}
	return l.pages[i].Slot, true
}

// Has reports whether the layer, or one below, has something other than zeros
// at a page.
func (l *Layer) Has(vpn uint32) bool {
	for ; l != nil; l = l.Parent {
		l.mu.Lock()
		i, ok := find(l.pages, vpn)
		zero := ok && l.pages[i].Slot == 0
		l.mu.Unlock()
		if ok {
			return !zero
		}
		if cover(l.Holes, vpn) {
			return false
		}
		for _, e := range l.Extents {
			if vpn >= e.VPN && vpn-e.VPN < e.Pages {
				return true
			}
		}
	}
	return false
}

// Hides reports whether this layer, or a small one below, says something of its
// own about a page, so that the large layer's content is not what is read there.
func (l *Layer) Hides(vpn uint32) bool {
	for ; l != nil && l.File == nil; l = l.Parent {
		if _, ok := l.Find(vpn); ok {
			return true
		}
		if cover(l.Holes, vpn) {
			return true
		}
	}
	return false
}

func find(pages []Page, vpn uint32) (int, bool) {
	return slices.BinarySearchFunc(pages, vpn, func(p Page, v uint32) int { return int(p.VPN) - int(v) })
}

var seed = maphash.MakeSeed()

// pageHash is of tenant and page together: a tenant finds no page of another.
func pageHash(tenant string, page []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(tenant)
	h.WriteByte(0)
	h.Write(page)
	return h.Sum64()
}

// Commit moves the pages out of the stage: those that the tenant has already
// are shared, the others get slots for good. Until then a layer holds its
// whole stage. Commit is for a quiet moment, and does nothing twice.
//
// Commit calls rest, unless it is nil, between stretches of work of about a
// millisecond, so that a large layer does not take a processor for a tenth of a
// second from what else waits for one.
func (l *Layer) Commit(rest func()) error {
	l.mu.Lock()
	if l.committed || l.closed {
		l.mu.Unlock()
		return nil
	}
	c := commit{arena: l.arena, tenant: l.Tenant, rest: rest, out: slices.Clone(l.pages)}
	for i, p := range c.out {
		if p.Slot != 0 && l.staged(p.Slot) {
			c.staged = append(c.staged, i)
		}
	}
	// A stage that is used once needs no copies: its slots are as good as others.
	if c.stays = l.stageN > stageSlots; c.stays {
		l.arena.Hold(c.taken(len(c.staged)))
	}
	l.mu.Unlock()
	if err := c.run(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed { // meanwhile, with what was not staged
		l.arena.release(c.taken(len(c.staged)))
		return nil
	}
	l.missed = c.missed
	l.pages, l.unique, l.committed = c.out, c.unique, true
	if l.pins == 0 {
		l.unstage()
	}
	return nil
}

// Close gives the layer's pages back. Its parent is not closed.
func (l *Layer) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if l.File != nil {
		return l.File.Close()
	}
	pages := l.pages
	if !l.committed {
		pages = slices.DeleteFunc(slices.Clone(pages), func(p Page) bool { return l.staged(p.Slot) })
	}
	// The stage goes first: a page that stayed in the stage has its last reference from the
	// layer, and the last release takes the page out of the index.
	l.unstage()
	l.arena.release(pages)
	return nil
}

// commit is the work of one Commit. It has a reference to every staged page that it
// has done, and to all of them where they stay.
type commit struct {
	arena  *Arena
	tenant string
	rest   func()
	stays  bool   // a page that is new keeps its slot
	out    []Page // the layer's
	staged []int  // which of them were staged
	unique int64
	missed int
}

// commitStretch is how many pages are committed without a rest: some take 3 us, and
// some 10.
const commitStretch = 128

// run copies staged pages to slots for good, or finds them there.
func (c *commit) run() error {
	for k, i := range c.staged {
		if c.rest != nil && k > 0 && k%commitStretch == 0 {
			c.rest()
		}
		p := &c.out[i]
		page, stays := c.arena.page(p.Slot), Slot(0)
		if c.stays {
			stays = p.Slot
		}
		slot, fresh, err := c.arena.place(pageHash(c.tenant, page), page, stays)
		if err != nil {
			c.arena.release(c.taken(k))
			return err
		}
		p.Slot = slot
		if fresh {
			c.unique++
		} else {
			c.missed++
		}
	}
	return nil
}

// taken are the first n of the staged pages.
func (c *commit) taken(n int) []Page {
	out := make([]Page, n)
	for k, i := range c.staged[:n] {
		out[k] = c.out[i]
	}
	return out
}

// place counts the slot that holds page, or fills a new one. If stays is not 0,
// that slot has page and is counted: it remains, or gives its reference to the
// slot that is found. Two pages with one hash are rare enough not to be shared at
// all.
func (a *Arena) place(h uint64, page []byte, stays Slot) (s Slot, fresh bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, taken := a.index[h]
	if taken && bytes.Equal(page, a.page(known)) {
		a.refs[known]++
		a.drop(stays)
		return known, false, nil
	}
	if stays != 0 {
		a.hashes[stays] = h
		if !taken {
			a.index[h] = stays
		}
		return stays, true, nil
	}
	if s, err = a.acquire(); err != nil {
		return 0, false, err
	}
	if err := a.Write(s, page); err != nil {
		a.drop(s)
		return 0, false, err
	}
	a.hashes[s] = h
	if !taken {
		a.index[h] = s
	}
	return s, true, nil
}

// release gives committed pages back.
func (a *Arena) release(pages []Page) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range pages {
		if p.Slot == 0 {
			continue
		}
		if h := a.hashes[p.Slot]; a.refs[p.Slot] == 1 && a.index[h] == p.Slot {
			delete(a.index, h)
		}
		a.drop(p.Slot)
	}
	a.trim()
}
