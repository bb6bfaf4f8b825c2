package snapshot

import "slices"

// Flags of a captured extent. The values are those of TC_PAGE_ZERO and its like
// in csrc/tender/control.h.
const (
	Zero      = 1 // zeros, which lie nowhere
	Same      = 2 // as the zygote has the pages
	Candidate = 4 // at Off lies what a dedup candidate has
)

// Captured is an extent of a UC that differs from its zygote. Off is where its
// content lies, or is to be written: in the arena or in a file.
type Captured struct {
	Extent
	Flags uint32
}

// Pages is how many pages a capture has in all.
func Pages(got []Captured) (n int64) {
	for _, c := range got {
		n += int64(c.Pages)
	}
	return n
}

// NewChild makes the small layer of a UC that was deployed from below. got lies
// in a stage of n slots; holes are ranges that the guest gave back: zeros lie
// there, whatever is below. Pages that are as in the snapshot below are left out.
func (a *Arena) NewChild(below *Layer, tenant string, got []Captured, holes []Range, stage Slot, n int) *Layer {
	var pages, shared []Page
	for _, c := range got {
		for i := range c.Pages {
			p := Page{VPN: c.VPN + i, Slot: Slot(c.Off/PageSize) + Slot(i)}
			hidden := cover(holes, p.VPN) // a page that is left out shows zeros, not the layer below
			if c.Flags&Same != 0 && !hidden && !below.Hides(p.VPN) {
				continue // as in the zygote, and no layer lies between
			}
			if c.Flags&Zero != 0 {
				if hidden || !below.Has(p.VPN) {
					continue
				}
				p.Slot = 0
			}
			if !hidden && a.sameBelow(below, p) {
				continue
			}
			if pages = append(pages, p); c.Flags&Candidate != 0 {
				shared = append(shared, p)
			}
		}
	}
	a.Hold(shared)
	return NewSmall(a, below, tenant, pages, holes, stage, n)
}

// sameBelow reports whether a page has the content that a deploy copied there:
// copied pages are private to the UC, changed or not.
func (a *Arena) sameBelow(l *Layer, p Page) bool {
	for ; l != nil && l.File == nil; l = l.Parent {
		if slot, ok := l.Find(p.VPN); ok {
			return a.Equal(p.Slot, slot)
		}
	}
	return false
}

// hugePage is the unit of a large layer's file, so that the host can map the
// file in huge pages.
const hugePage = 2 << 20

// LayOut gives every huge page that holds a captured page a place in a file,
// and sets the offset of each entry of got.
func LayOut(got []Captured) (extents []Extent, size int64) {
	const per = hugePage / PageSize
	at := map[uint32]int64{}
	var chunks []uint32
	for _, c := range got {
		for k := c.VPN / per; k <= (c.VPN+c.Pages-1)/per; k++ {
			if _, ok := at[k]; !ok {
				at[k] = 0
				chunks = append(chunks, k)
			}
		}
	}
	slices.Sort(chunks)
	for i, k := range chunks {
		at[k] = size
		if i > 0 && chunks[i-1] == k-1 {
			extents[len(extents)-1].Pages += per
		} else {
			extents = append(extents, Extent{VPN: k * per, Pages: per, Off: size})
		}
		size += hugePage
	}
	for i, c := range got {
		got[i].Off = at[c.VPN/per] + int64(c.VPN%per)*PageSize
	}
	return extents, size
}
