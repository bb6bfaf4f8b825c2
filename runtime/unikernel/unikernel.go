package unikernel

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// New returns the backend. Nothing is touched before its first use.
func New(cfg Config) *Backend {
	b := &Backend{
		cfg: cfg, starting: make(chan struct{}, 1), losses: zygote.NewLosses(cfg.Log), done: make(chan struct{}),
		images: map[string]*language{}, holders: map[*snap]struct{}{}, looked: make(chan struct{}),
		captured: make(chan *snap, 1024), promotions: make(chan promotion, 16),
	}
	b.fleet.maxAwake, b.fleet.slack = maxAwake(cfg.Awake), int64(cfg.spares())/2
	b.fleet.oversubscribed, b.fleet.done = make(chan struct{}, 1), b.done
	return b
}

// prepare starts the tender, once. A start that failed is tried again by the
// next call: the lack may have been a passing one, or the caller's time.
func (b *Backend) prepare(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case b.starting <- struct{}{}:
		defer func() { <-b.starting }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch {
	case b.isClosed():
		return isolation.ErrClosed
	case b.tender() != nil:
		return nil
	}
	return b.startTender(ctx)
}

func (b *Backend) startTender(ctx context.Context) (err error) {
	if b.rules, err = proxy.ParseRules(b.cfg.Allow); err != nil {
		return err
	}
	if err := cgroup.Sweep(cpuPrefix); err != nil {
		return err
	}
	arena, err := snapshot.NewArena()
	if err != nil {
		return err
	}
	root, err := zygote.Start(ctx, b.losses)
	if err != nil {
		return errors.Join(err, arena.Close())
	}
	b.arena = arena
	b.root.Store(root)
	b.supervising.Go(b.supervise)
	b.workers.Go(b.commitCaptures)
	b.workers.Go(b.promote)
	b.workers.Go(b.watchMemory)
	b.workers.Go(b.fleet.makeRoom)
	if after := b.cfg.hibernateAfter(); after > 0 {
		b.workers.Go(func() { b.fleet.hibernateIdle(after) })
	}
	return nil
}

// Close implements isolation.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	again := b.closed
	b.closed = true
	b.mu.Unlock()
	if again {
		return nil
	}
	b.starting <- struct{}{} // a start that is under way ends first
	<-b.starting
	live := b.fleet.all()
	close(b.done)
	b.stopRoot() // ends all UCs at once, and every wait for one
	b.supervising.Wait()
	b.stopRoot() // one that the supervisor had just started
	var errs []error
	for _, sb := range live {
		errs = append(errs, sb.Close())
	}
	b.mu.Lock()
	languages := slices.Collect(maps.Values(b.images))
	b.mu.Unlock()
	for _, l := range languages {
		l.close()
	}
	close(b.captured)
	close(b.promotions)
	b.workers.Wait()
	errs = append(errs, b.cpu.close())
	if b.arena != nil {
		errs = append(errs, b.arena.Close())
	}
	return errors.Join(errs...)
}

func (b *Backend) stopRoot() {
	if r := b.tender(); r != nil {
		r.Stop()
	}
}
