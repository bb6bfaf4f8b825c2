package snapshot

import (
	"cmp"
	"slices"
)

// Kind is how a process of the tender fills an extent. The values are those of
// TC_COPIED and its like in csrc/tender/control.h.
type Kind uint16

// The kinds of placements.
const (
	Copied        Kind = 1 + iota // from the arena
	Mapped                        // from a file, privately
	Zeroed                        // zeros, whatever lies beneath
	PrefetchWrite                 // made writable before the UC runs: functions write there
	PrefetchRead                  // mapped before the UC runs: functions read there
)

// Placement is what a process puts into a range of guest pages. Off is an
// offset in the arena or in the file.
type Placement struct {
	Extent
	Kind Kind
	File uint16 // number of the file among those sent along
}

// Plan is what a process lays over the memory that it was forked with, in order.
type Plan []Placement

// Pins keep the pages of layers where they are while a process still reads them.
type Pins []*Layer

// Release undoes the pins.
func (p Pins) Release() {
	for _, l := range p {
		l.Unpin()
	}
}

// PlanOver is what turns the memory of a process that was forked over below
// (nil: over nothing) into the content of l, with zeros in holes.
func (l *Layer) PlanOver(below *Layer, holes []Range) (Plan, Pins) {
	var above []*Layer
	for ; l != nil && l != below; l = l.Parent {
		above = append(above, l)
	}
	var plan Plan
	var pins Pins
	var pages []Page
	punch := func(ranges []Range) {
		plan = plan.With(Zeroed, ranges)
		for _, h := range ranges {
			pages = slices.DeleteFunc(slices.Clone(pages), func(p Page) bool { return p.VPN-h.VPN < h.Pages })
		}
	}
	for i, a := range slices.Backward(above) {
		punch(a.Holes)
		own := a.Pin()
		pins = append(pins, a)
		if i == len(above)-1 {
			pages = own
		} else {
			pages = overlaid(pages, own)
		}
	}
	punch(holes)
	return plan.copies(pages), pins
}

// copies appends one placement for each run of pages that follow each other
// both in the guest and in the arena.
func (p Plan) copies(pages []Page) Plan {
	first := len(p)
	for i, page := range pages {
		if i > 0 && page.VPN == pages[i-1].VPN+1 && page.Slot == pages[i-1].Slot+1 && len(p) > first {
			p[len(p)-1].Pages++
			continue
		}
		p = append(p, Placement{Extent: Extent{VPN: page.VPN, Pages: 1, Off: int64(page.Slot) * PageSize},
			Kind: Copied})
	}
	return p
}

// overlaid are sorted pages over others.
func overlaid(below, above []Page) []Page {
	out := make([]Page, 0, len(below)+len(above))
	for len(below) > 0 && len(above) > 0 {
		switch {
		case below[0].VPN < above[0].VPN:
			out, below = append(out, below[0]), below[1:]
		case below[0].VPN == above[0].VPN:
			below = below[1:]
		default:
			out, above = append(out, above[0]), above[1:]
		}
	}
	return append(append(out, below...), above...)
}

// PlanFile maps the file of a large layer, which has the given number among
// the files sent along.
func (l *Layer) PlanFile(file uint16) Plan {
	plan := make(Plan, 0, len(l.Extents))
	for _, e := range l.Extents {
		plan = append(plan, Placement{Extent: e, Kind: Mapped, File: file})
	}
	return plan
}

// With appends ranges of a kind that takes no content.
func (p Plan) With(kind Kind, ranges []Range) Plan {
	for _, r := range ranges {
		p = append(p, Placement{Extent: Extent{VPN: r.VPN, Pages: r.Pages}, Kind: kind})
	}
	return p
}

// Ranges are those of the plan's placements of one kind.
func (p Plan) Ranges(kind Kind) (out []Range) {
	for _, e := range p {
		if e.Kind == kind {
			out = append(out, Range{e.VPN, e.Pages})
		}
	}
	return out
}

// Ranges are those that sorted pages make.
func Ranges(pages []Page) (out []Range) {
	for _, p := range pages {
		if k := len(out) - 1; k >= 0 && out[k].VPN+out[k].Pages == p.VPN {
			out[k].Pages++
			continue
		}
		out = append(out, Range{p.VPN, 1})
	}
	return out
}

// Union are the same pages in sorted ranges that do not touch.
func Union(ranges []Range) []Range {
	slices.SortFunc(ranges, func(x, y Range) int { return cmp.Compare(x.VPN, y.VPN) })
	out := ranges[:0]
	for _, r := range ranges {
		if k := len(out) - 1; k >= 0 && r.VPN <= out[k].VPN+out[k].Pages {
			out[k].Pages = max(out[k].Pages, r.VPN+r.Pages-out[k].VPN)
			continue
		}
		out = append(out, r)
	}
	return out
}

func cover(ranges []Range, vpn uint32) bool {
	return slices.ContainsFunc(ranges, func(r Range) bool { return vpn >= r.VPN && vpn-r.VPN < r.Pages })
}
