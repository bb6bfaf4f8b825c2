package snapshot

import (
	"fmt"
	"os"
	"slices"
)

// Flat is the stack of a small layer for a zygote: the base's file mapped, and
// over it a second file with those huge pages in which the small layers have
// pages. Close releases the layers' pages.
type Flat struct {
	Base *Layer
	Size int64 // of the second file, in bytes

	above   []*Layer // the oldest first
	extents []Extent
}

// Flatten plans the stack that ends at l.
func (l *Layer) Flatten() *Flat {
	f := &Flat{}
	for ; l.File == nil; l = l.Parent {
		f.above = append(f.above, l)
	}
	f.Base = l
	slices.Reverse(f.above)
	var got []Captured
	for _, a := range f.above {
		for _, p := range a.Pin() {
			got = append(got, Captured{Extent: Extent{VPN: p.VPN, Pages: 1}})
		}
	}
	f.extents, f.Size = LayOut(got)
	return f
}

// Close releases the pages of the layers.
func (f *Flat) Close() { Pins(f.above).Release() }

// Plan maps the base's file as number 0 and the second file as number 1.
func (f *Flat) Plan() Plan {
	plan := f.Base.PlanFile(0)
	for _, a := range f.above {
		plan = plan.With(Zeroed, a.Holes)
	}
	return append(plan, (&Layer{Extents: f.extents}).PlanFile(1)...)
}

// Write fills the second file.
func (f *Flat) Write(file *os.File) error {
	for _, e := range f.extents {
		buf := make([]byte, int(e.Pages)*PageSize)
		if err := f.Base.readInto(buf, e.VPN); err != nil {
			return err
		}
		for _, l := range f.above {
			if err := l.overlay(buf, e); err != nil {
				return err
			}
		}
		if _, err := file.WriteAt(buf, e.Off); err != nil {
			return fmt.Errorf("%w: flatten: %v", ErrFull, err)
		}
	}
	return nil
}

// readInto reads what a large layer has of the pages from vpn on.
func (l *Layer) readInto(buf []byte, vpn uint32) error {
	end := vpn + uint32(len(buf)/PageSize)
	for _, e := range l.Extents {
		from, to := max(vpn, e.VPN), min(end, e.VPN+e.Pages)
		if from >= to {
			continue
		}
		part := buf[(from-vpn)*PageSize : (to-vpn)*PageSize]
		if _, err := l.File.ReadAt(part, e.Off+int64(from-e.VPN)*PageSize); err != nil {
			return fmt.Errorf("flatten: %w", err)
		}
	}
	return nil
}

// overlay lays what a small layer has in e over buf.
func (l *Layer) overlay(buf []byte, e Extent) error {
	for _, h := range l.Holes {
		if from, to := max(e.VPN, h.VPN), min(e.VPN+e.Pages, h.VPN+h.Pages); from < to {
			clear(buf[(from-e.VPN)*PageSize : (to-e.VPN)*PageSize])
		}
	}
	pages := l.Pin()
	defer l.Unpin()
	first, _ := find(pages, e.VPN)
	for _, p := range pages[first:] {
		if p.VPN >= e.VPN+e.Pages {
			break
		}
		if err := l.arena.Read(p.Slot, buf[(p.VPN-e.VPN)*PageSize:]); err != nil {
			return err
		}
	}
	return nil
}
