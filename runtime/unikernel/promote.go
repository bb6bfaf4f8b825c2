package unikernel

import (
	"context"
	"slices"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// A function snapshot that has many UCs at a time gets a zygote of its own: UCs
// forked from it share the function's pages with each other, and own only what
// they write. The pages that a first run writes are recorded from one UC, and every
// spare of the zygote populates just those. For one UC after the other it would not
// pay: reset processes of the runtime snapshot are faster than fresh forks.

const (
	promoteAt   = 16 // UCs at a time
	maxPromoted = 64 // zygotes; each holds some 2 MB for every huge page that the function wrote to
)

// considerPromotion records, after the first run of a UC whose snapshot has many,
// what the run wrote.
func (b *Backend) considerPromotion(ctx context.Context, p *process) {
	s := p.of.parent
	if s.live.Load() < promoteAt || s.recorded.Swap(true) {
		return
	}
	var layer *snapshot.Layer
	err := p.session.Hold(func(driver.State) error {
		return awaitQuiescence(ctx, func() (err error) {
			layer, err = p.captureLayer(ctx)
			return err
		})
	})
	if err != nil {
		return // deploys of the snapshot go on copying
	}
	written := slices.Clone(layer.Pin())
	layer.Unpin()
	layer.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	select {
	case b.promotions <- promotion{s, written}:
		s.refs++
	default:
	}
}

// promote is the goroutine that makes zygotes; Close waits for it.
func (b *Backend) promote() {
	for p := range b.promotions {
		// A zygote that cannot be made is not missed.
		if b.promoted.Load() < maxPromoted && p.snap.holders() == nil {
			if z, err := b.growFunction(context.Background(), p.snap, p.written); err == nil {
				b.promoted.Add(1)
				b.oversee(p.snap, zygote.Set{z})
			}
		}
		b.unref(p.snap)
	}
}
