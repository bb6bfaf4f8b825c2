package mpsc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// overlapping bounds the tests of one provider that run at a time: a slow one
// must not keep the next from seeing that the provider is fast again.
const overlapping = 8

// Run tests every provider at the interval until ctx ends. A provider that is
// slow delays no other one.
func (c *Controller) Run(ctx context.Context) error {
	if c.cfg.Interval < 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	var g errgroup.Group
	for _, p := range c.cfg.Providers {
		g.Go(func() error { return c.monitor(ctx, p.Name) })
	}
	return g.Wait()
}

// monitor tests one provider at the interval. It waits for its tests.
func (c *Controller) monitor(ctx context.Context, provider string) error {
	var tests errgroup.Group
	defer func() { _ = tests.Wait() }() // a test's failure is in its record
	tests.SetLimit(overlapping)
	tick := time.NewTicker(c.cfg.Interval)
	defer tick.Stop()
	for {
		tests.TryGo(func() error {
			for _, f := range c.cfg.Functions {
				if _, err := c.Test(ctx, f, provider); err != nil && ctx.Err() == nil {
					c.log.Error("a test is not recorded", "provider", provider, "function", f, "error", err)
				}
			}
			return nil
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Test runs a function at a provider once, and records how it went. A test
// that fails is a record, not an error.
func (c *Controller) Test(ctx context.Context, function, provider string) (Test, error) {
	t, _, err := c.call(ctx, function, provider, []byte("{}"), c.db.Record)
	return t, err
}

// call executes, times and records.
func (c *Controller) call(
	ctx context.Context, function, provider string, payload []byte, record func(context.Context, Test) (Test, error),
) (Test, []byte, error) {
	e := c.executors[provider]
	if e == nil {
		return Test{}, nil, fmt.Errorf("%w: %q (there are: %v)", ErrUnknownProvider, provider,
			slices.Sorted(maps.Keys(c.providers)))
	}
	end := c.live.begin(function, provider)
	t, out := measure(ctx, e, c.cfg.Timeout, function, payload)
	end(t, ctx.Err() == nil)
	if ctx.Err() != nil {
		return t, nil, ctx.Err() // the caller left: the outcome says nothing of the provider
	}
	t.Provider = provider
	t, err := record(ctx, t)
	return t, out, err
}

// Metrics are all providers' metrics of a function within the window, in the
// configuration's order.
func (c *Controller) Metrics(ctx context.Context, function string) ([]Metrics, error) {
	since := c.db.Now().Add(-c.cfg.Window)
	var all []Metrics
	for _, p := range c.cfg.Providers {
		tests, err := c.db.Recent(ctx, function, p.Name, since, c.cfg.Samples)
		if err != nil {
			return nil, err
		}
		m := summarise(p, function, tests)
		m.Recent = c.live.recent(function, p.Name)
		all = append(all, m)
	}
	return all, nil
}
