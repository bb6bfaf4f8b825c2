package unikernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Capture implements isolation.Snapshotter.
func (b *Backend) Capture(ctx context.Context, of isolation.Sandbox) (isolation.Snapshot, error) {
	sb, ok := of.(*sandbox)
	if !ok || sb.backend != b {
		return nil, fmt.Errorf("capture: %w", isolation.ErrForeignObject)
	}
	p, err := sb.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	defer sb.leave(p)
	s := &snap{backend: b, in: sb.in, parent: sb.parent, owner: sb.tenant(), refs: 1}
	err = p.session.Hold(func(st driver.State) error {
		s.state = st
		if sb.parent == nil {
			return s.captureRuntime(ctx, p)
		}
		return awaitQuiescence(ctx, func() (err error) {
			s.layer, err = p.captureLayer(ctx)
			return err
		})
	})
	if errors.Is(err, isolation.ErrBusy) {
		err = isolation.ErrNotQuiescent
	}
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	if s.parent != nil {
		b.ref(s.parent)
		b.commitLater(s)
	}
	return s, nil
}

// captureRuntime captures a UC that was booted: all its pages, into a file that a
// zygote can map, with the zygotes that do.
func (s *snap) captureRuntime(ctx context.Context, p *process) error {
	err := awaitQuiescence(ctx, func() (err error) {
		s.layer, err = s.backend.copyAll(ctx, p)
		return err
	})
	if err != nil {
		return err
	}
	s.candidates = snapshot.NewCandidates(s.backend.arena)
	if s.training = p.of.training; p.of.trains {
		s.prefetch, err = s.recordWorkingSet()
	}
	if err == nil {
		err = s.growZygotes()
	}
	if err == nil && p.of.trains {
		err = s.trainSpares()
	}
	if err != nil {
		s.holders().Close()
		s.layer.Close()
		return err
	}
	return nil
}

// copyAll copies all pages of a UC into a file, in huge pages.
func (b *Backend) copyAll(ctx context.Context, p *process) (*snapshot.Layer, error) {
	table, err := p.uc.Scan(ctx, false)
	if err != nil {
		return nil, err
	}
	extents, size := snapshot.LayOut(table.Extents)
	file, err := b.memory(ctx, size)
	if err != nil {
		return nil, err
	}
	if err := p.uc.Copy(ctx, table, file); err != nil {
		file.Close()
		return nil, err
	}
	return snapshot.NewLarge(nil, file, extents, snapshot.Pages(table.Extents)*snapshot.PageSize, nil), nil
}

// commitLater has the pages of a captured layer deduplicated and moved out of their
// stage, off the path of the invocation that the capture belongs to.
func (b *Backend) commitLater(s *snap) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	select {
	case b.captured <- s:
		s.refs++
	default: // a burst: the layer keeps its stage
	}
}

// commitCaptures is the goroutine of commitLater; Close waits for it.
func (b *Backend) commitCaptures() {
	for s := range b.captured {
		// Where memory is short, a layer stays in its stage, where it is whole.
		_ = s.layer.Commit(b.restOfCommit)
		if c := s.parent.candidates; c != nil {
			c.Observe(s.layer)
		}
		b.unref(s)
	}
}

// restOfCommit leaves the processor to calls for some milliseconds, unless further
// captures wait.
func (b *Backend) restOfCommit() {
	if len(b.captured) > 0 {
		return
	}
	select {
	case <-time.After(2 * time.Millisecond):
	case <-b.done:
	}
}
