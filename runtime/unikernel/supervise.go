package unikernel

import (
	"context"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

const (
	// lookEvery is how often the supervisor looks at all zygotes. An order that finds
	// its zygote dead wakes the supervisor sooner.
	lookEvery = 100 * time.Millisecond

	// checkEvery is how often it asks all zygotes for a sign of life, and looks at all
	// spares in the pool.
	checkEvery = time.Second

	// repairAgain is the pause after a repair that failed.
	repairAgain = 500 * time.Millisecond
)

// Helpers implements isolation.Supervisor.
func (b *Backend) Helpers() []isolation.Helper {
	return b.losses.List()
}

// Health implements isolation.Supervisor.
func (b *Backend) Health(context.Context) error {
	b.mu.Lock()
	trouble, held, languages := b.trouble, b.overseen(), b.loadedLanguages()
	b.mu.Unlock()
	r := b.tender()
	if r == nil {
		return nil // not used yet
	}
	broken := ""
	if r.Dead() {
		broken = "the root of the tender is gone"
	}
	for _, l := range languages {
		if broken == "" && l.zygote.Load().Dead() {
			broken = "the image zygote of " + l.in.Runtime + " is gone"
		}
	}
	for _, s := range held {
		if broken == "" && s.parent == nil && s.holders().Pick(zygote.Tenancy{}) == nil {
			broken = "no zygote of the runtime snapshot of " + s.in.Runtime + " is left"
		}
	}
	switch {
	case broken == "":
		return nil
	case trouble != nil:
		return fmt.Errorf("%s and cannot be replaced: %w", broken, trouble)
	}
	return fmt.Errorf("%s and is being replaced", broken)
}

// supervise is the goroutine that owns the root, the zygotes and the spares in the pool;
// Close waits for it.
func (b *Backend) supervise() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.workers.Go(func() {
		<-b.done
		cancel()
	})
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var checked, failed time.Time
	for {
		select {
		case <-tick.C:
		case <-b.losses.Woken:
		case <-b.done:
			return
		}
		if time.Since(failed) < repairAgain {
			continue
		}
		err := b.repair(ctx)
		if err != nil && ctx.Err() == nil {
			failed = time.Now()
			b.losses.Failed(err)
		}
		if err == nil && time.Since(checked) >= checkEvery {
			checked = time.Now()
			b.checkAll()
		}
		b.mu.Lock()
		b.trouble = err
		close(b.looked)
		b.looked = make(chan struct{})
		b.mu.Unlock()
	}
}

// checkAll asks every zygote for a sign of life, and replaces spares whose processes
// ended.
func (b *Backend) checkAll() {
	b.mu.Lock()
	languages, held := b.loadedLanguages(), b.overseen()
	b.mu.Unlock()
	b.tender().Ping()
	for _, l := range languages {
		l.zygote.Load().Ping()
	}
	for _, s := range held {
		for _, z := range s.holders() {
			z.Ping()
			if !z.Dead() {
				z.CheckPool()
			}
		}
	}
}
