package unikernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Capture implements isolation.Snapshotter.
func (b *Backend) Capture(ctx context.Context, sandbox_ isolation.Sandbox) (isolation.Snapshot, error) {
	sb, ok := sandbox_.(*sandbox)
	if !ok || sb.backend != b {
		return nil, fmt.Errorf("capture: %w", isolation.ErrForeignObject)
	}
	if err := sb.enter(ctx); err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	defer sb.leave()
	s := &snap{backend: b, in: sb.in, parent: sb.parent, owner: sb.tenant(), refs: 1}
	err := sb.session.Hold(func(st driver.State) error {
		s.state = st
		return sb.awaitQuiescence(ctx, func() error {
			if sb.parent == nil {
				return s.captureBase(sb)
			}
			return s.captureChild(sb)
		})
	})
	if errors.Is(err, isolation.ErrBusy) {
		err = isolation.ErrNotQuiescent
	}
	if err != nil {
		return nil, fmt.Errorf("capture: %w", ofReading(err, yamaScope()))
	}
	if s.parent != nil {
		b.hold(s.parent)
	}
	return s, nil
}

// awaitQuiescence tries again while the UC is not at rest: after its reply, the guest
// still has to come to its next read.
func (s *sandbox) awaitQuiescence(ctx context.Context, try func() error) error {
	pause := 5 * time.Microsecond
	for until := time.Now().Add(restTime(ctx)); ; {
		err := try()
		if !errors.Is(err, syscall.EAGAIN) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%w (%w)", isolation.ErrNotQuiescent, ErrUnsettled)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// restTime bounds the wait for a UC's rest: 2 s, or a sixteenth of the time that the
// caller allows, because the guest's remaining work takes longer on a slower host.
func restTime(ctx context.Context) time.Duration {
	const least = 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		return max(least, time.Until(deadline)/16)
	}
	return least
}

// table asks for the pages of a UC that differ from its zygote's, with candidates
// where a capture finds some of them.
func (s *sandbox) table(o order, candidates []snapshot.Page) (st abi.UCState, got []taken, r reply, err error) {
	n := s.uc.zygote
	o.id = s.uc.id
	o.flags |= uint32(len(candidates)) << flagCandidates
	r, _, err = n.askWith(o, func(scratch []byte) { putCandidates(scratch, candidates) }, func(r reply) (err error) {
		if st, err = abi.ParseState(n.scratch); err == nil {
			got, err = parseTaken(n.scratch[abi.PageSize:], r.n)
		}
		return err
	})
	return st, got, r, err
}

// captureChild takes a small layer.
func (s *snap) captureChild(sb *sandbox) error {
	err := s.takeChild(sb)
	if err == nil {
		s.backend.commitLater(s)
	}
	return err
}

func (s *snap) takeChild(sb *sandbox) error {
	a := s.backend.arena
	o := order{op: opCapture}
	if s.parent.layer.File != nil && len(sb.gone) == 0 {
		o.flags = flagDirect
	}
	var candidates []snapshot.Page
	if e := s.parent.candidates; e != nil {
		if h := e.Acquire(sb.tenant().account); h != nil {
			defer h.Release()
			candidates = h.Pages
		}
	}
	for want := 1; ; {
		first, n, err := a.Stage(want)
		if err != nil {
			return err
		}
		o.a, o.b = uint64(first), uint64(n)
		st, got, r, err := sb.table(o, candidates)
		if err == nil {
			s.layer = s.childLayer(sb, st, got, first, n)
			return nil
		}
		a.Unstage(first, n)
		if err != syscall.ENOSPC || want >= int(r.a) {
			return err
		}
		want = int(r.a) + 64
	}
}

func (s *snap) childLayer(sb *sandbox, st abi.UCState, got []taken, stage snapshot.Slot, n int) *snapshot.Layer {
	below := s.parent.layer
	gone := merged(append(discarded(st), sb.gone...))
	var pages, shared []snapshot.Page
	for _, t := range got {
		for i := range t.pages {
			p := snapshot.Page{VPN: uint32(t.addr/abi.PageSize) + i, Slot: snapshot.Slot(t.off/abi.PageSize) + snapshot.Slot(i)}
			hidden := hides(gone, p.VPN) // what lies below is not what shows where this page is left out
			if t.flags&pageSame != 0 && !hidden && !below.Hides(p.VPN) {
				continue // as in the zygote, and nothing lies between
			}
			if t.flags&pageZero != 0 {
				if hidden || !below.Has(p.VPN) {
					continue
				}
				p.Slot = 0
			}
			if !hidden && s.asBelow(p) {
				continue
			}
			if pages = append(pages, p); t.flags&pageCandidate != 0 {
				shared = append(shared, p)
			}
		}
	}
	s.backend.arena.Hold(shared)
	return snapshot.NewSmall(s.backend.arena, below, sb.tenant().account, pages, gone, stage, n)
}

// discarded are the ranges that the guest gave back: zeros lie there now.
func discarded(st abi.UCState) []snapshot.Range {
	var gone []snapshot.Range
	for _, d := range st.Discard {
		gone = append(gone, snapshot.Range{VPN: uint32(d.Start / abi.PageSize), Pages: uint32((d.End - d.Start) / abi.PageSize)})
	}
	return gone
}

// merged are the same pages in sorted ranges that do not touch.
func merged(ranges []snapshot.Range) []snapshot.Range {
	slices.SortFunc(ranges, func(x, y snapshot.Range) int { return cmp.Compare(x.VPN, y.VPN) })
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

func hides(ranges []snapshot.Range, vpn uint32) bool {
	return slices.ContainsFunc(ranges, func(r snapshot.Range) bool { return vpn >= r.VPN && vpn-r.VPN < r.Pages })
}

// asBelow reports whether a page has the content that it had when the UC was
// deployed: pages that were copied are the UC's own, changed or not.
func (s *snap) asBelow(p snapshot.Page) bool {
	for l := s.parent.layer; l != nil && l.File == nil; l = l.Parent {
		if slot, ok := l.Find(p.VPN); ok {
			return s.backend.arena.Equal(p.Slot, slot)
		}
	}
	return false
}

// hugePage is the unit of a base snapshot's file, so that the host can map it
// in huge pages.
const hugePage = 2 << 20

// captureBase takes a whole UC into a file of its own and makes the zygote that
// holds it mapped.
func (s *snap) captureBase(sb *sandbox) error {
	_, got, r, err := sb.table(order{op: opScan}, nil)
	if err != nil {
		return err
	}
	extents, size := layOut(got)
	n := sb.uc.zygote
	file, err := s.backend.memory(size)
	if err != nil {
		return err
	}
	_, _, err = n.askWith(order{op: opCopy, id: sb.uc.id, a: uint64(len(got))}, func(b []byte) {
		for i, t := range got {
			t.encode(b[abi.PageSize+i*pageSize:])
		}
	}, func(c reply) error {
		if c.b != r.b { // it woke meanwhile
			return syscall.EAGAIN
		}
		return nil
	}, int(file.Fd()))
	if err != nil {
		file.Close()
		return err
	}
	filled := int64(0)
	for _, t := range got {
		filled += int64(t.pages) * abi.PageSize
	}
	s.layer = snapshot.NewLarge(nil, file, extents, filled, nil)
	s.candidates = snapshot.NewCandidates(s.backend.arena)
	if sb.prefetch {
		s.prefetch, err = s.recordWorkingSet()
	}
	if err == nil {
		var ns zygotes
		if ns, err = s.backend.growBase(s, s.backend.spares()); err == nil {
			s.zygotes.store(ns)
		}
	}
	if err == nil && sb.prefetch {
		err = s.trainSpares()
	}
	if err == nil {
		s.backend.oversee(s)
	}
	if err != nil {
		s.zygotes.load().close()
		s.layer.Close()
	}
	return err
}

// memory makes a file in memory, in huge pages where the host has them.
func (b *Backend) memory(size int64) (*os.File, error) {
	root, err := b.liveRoot(context.Background())
	if err != nil {
		return nil, fmt.Errorf("memory for a snapshot: %w", err)
	}
	_, fd, err := root.ask(order{op: opFile, a: uint64(size), b: 1}, nil)
	if err != nil {
		_, fd, err = root.ask(order{op: opFile, a: uint64(size)}, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("memory for a snapshot: %w", err)
	}
	return os.NewFile(uintptr(fd), "snapshot"), nil
}

// layOut places every huge page that holds a page taken in the file, and sets
// each entry's offset.
func layOut(got []taken) (extents []snapshot.Extent, size int64) {
	const per = hugePage / abi.PageSize
	at := map[uint64]int64{}
	var chunks []uint64
	for _, t := range got {
		for c := t.addr / hugePage; c <= (t.addr+uint64(t.pages)*abi.PageSize-1)/hugePage; c++ {
			if _, ok := at[c]; !ok {
				at[c] = 0
				chunks = append(chunks, c)
			}
		}
	}
	slices.Sort(chunks)
	for i, c := range chunks {
		at[c] = size
		if i > 0 && chunks[i-1] == c-1 {
			extents[len(extents)-1].Pages += per
		} else {
			extents = append(extents, snapshot.Extent{VPN: uint32(c * per), Pages: per, Off: size})
		}
		size += hugePage
	}
	for i := range got {
		got[i].off = uint64(at[got[i].addr/hugePage]) + got[i].addr%hugePage
	}
	return extents, size
}
