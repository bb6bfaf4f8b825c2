package unikernel

import (
	"context"
	"os"
	"slices"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// A function snapshot that has many UCs at a time gets a zygote of its own: UCs
// forked from it share the function's pages with each other, and own only what
// they write. What its first run writes is recorded from one UC that ran, and
// every spare of the zygote populates just that. For one UC after the other it
// would not pay: reset spares of the base are faster than fresh forks.

const (
	promoteAt   = 16 // UCs at a time
	maxPromoted = 64 // zygotes; each holds some 2 MB for every huge page that the function wrote to
)

// promotion is a snapshot that deserves a zygote, and what a run of it writes.
type promotion struct {
	snap    *snap
	written []snapshot.Page
}

// recordWritten finds out, after the first run of a UC, what that run wrote.
func (s *sandbox) recordWritten(ctx context.Context) {
	probe := &snap{backend: s.backend, in: s.in, parent: s.parent}
	err := s.session.Hold(func(driver.State) error {
		return s.awaitQuiescence(ctx, func() error { return probe.takeChild(s) })
	})
	if err != nil {
		return // it is as it was: deployed by copying
	}
	written := slices.Clone(probe.layer.Pin())
	probe.layer.Unpin()
	probe.layer.Close()
	b := s.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	select {
	case b.promotions <- promotion{s.parent, written}:
		s.parent.refs++
	default:
	}
}

// promote is the goroutine that makes zygotes; Close waits for it.
func (b *Backend) promote() {
	for p := range b.promotions {
		// One that cannot be made is not missed.
		if b.promoted.Load() < maxPromoted && p.snap.zygotes.load() == nil {
			if n, err := b.growFunction(p.snap, p.written); err == nil {
				n.holds = p.snap
				p.snap.zygotes.store(zygotes{n})
				b.promoted.Add(1)
				b.oversee(p.snap)
			}
		}
		b.release(p.snap)
	}
}

// growFunction makes the zygote of a function snapshot. It maps the base, and over
// it a file with those huge pages of the base in which the function has pages.
func (b *Backend) growFunction(s *snap, written []snapshot.Page) (*zygote, error) {
	l, err := b.language(context.Background(), s.in)
	if err != nil {
		return nil, err
	}
	var above []*snapshot.Layer
	base := s.layer
	for at := s; base.File == nil; base = at.layer {
		above = append(above, base)
		at = at.parent
	}
	slices.Reverse(above)
	layers := mapped(base, 0)
	var got []taken
	for _, a := range above {
		for _, g := range a.Gone {
			layers = append(layers, layer{addr: uint64(g.VPN) * abi.PageSize, pages: g.Pages, kind: extentZeroed})
		}
		for _, p := range a.Pin() {
			got = append(got, taken{addr: uint64(p.VPN) * abi.PageSize, pages: 1})
		}
		defer a.Unpin()
	}
	extents, size := layOut(got)
	file, err := b.memory(size)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := snapshot.Flatten(file, extents, base, above); err != nil {
		return nil, err
	}
	layers = append(layers, mapped(snapshot.NewLarge(nil, file, extents, 0, nil), 1)...)
	for _, p := range written {
		if k := len(layers) - 1; layers[k].kind == extentPrefetchWrite && layers[k].addr+uint64(layers[k].pages)*abi.PageSize == uint64(p.VPN)*abi.PageSize {
			layers[k].pages++
			continue
		}
		layers = append(layers, layer{addr: uint64(p.VPN) * abi.PageSize, pages: 1, kind: extentPrefetchWrite})
	}
	for p := s; p != nil; p = p.parent {
		for _, r := range p.prefetch {
			if r.kind == extentPrefetchRead {
				layers = append(layers, r)
			}
		}
	}
	from, err := b.imageZygote(context.Background(), l)
	if err != nil {
		return nil, err
	}
	n, err := from.grow(l.image, b.arena.FD(), layers, []*os.File{base.File, file})
	if err != nil {
		return nil, err
	}
	n.pool.keeps = b.spares()
	return n, nil
}

// mapped are the layers that map a large layer's file, the given one of those
// that are sent along.
func mapped(l *snapshot.Layer, file uint16) (out []layer) {
	for _, e := range l.Extents {
		out = append(out, layer{addr: uint64(e.VPN) * abi.PageSize, off: uint64(e.Off), pages: e.Pages, kind: extentMapped, file: file})
	}
	return out
}
