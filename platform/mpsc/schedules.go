package mpsc

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// restore reads the uploaded schedules and the chosen one from the database.
func (c *Controller) restore() error {
	ctx := context.Background()
	saved, err := c.db.schedules(ctx)
	if err != nil {
		return err
	}
	for name, source := range saved {
		u, err := newUserSchedule(c.sandbox, name, source, c.cfg.Limit)
		if err != nil {
			c.log.Warn("a saved schedule is left out", "schedule", name, "error", err)
			continue
		}
		c.schedules[name] = u
	}
	chosen, err := c.db.setting(ctx, "schedule")
	if err != nil {
		return fmt.Errorf("read the chosen schedule: %w", err)
	}
	if _, ok := c.schedules[chosen]; ok {
		if chosen != c.current {
			c.log.Info("the schedule chosen last goes before the configuration's", "chosen", chosen, "configured",
				c.current)
		}
		c.current = chosen
	} else if chosen != "" {
		c.log.Warn("the schedule chosen last cannot be used, the configuration's is", "chosen", chosen, "configured",
			c.current)
	}
	if _, ok := c.schedules[c.current]; !ok {
		return fmt.Errorf("%w: %q (there are: %v); one of your own is uploaded while a built-in one is "+
			"configured, and then chosen with POST /schedules/%s/use",
			ErrUnknownSchedule, c.current, slices.Sorted(maps.Keys(c.schedules)), c.current)
	}
	return nil
}

// AddSchedule adds a user's schedule after a trial run on made-up metrics. A
// schedule that hangs, throws or names an unknown provider is refused, and an earlier
// one of its name stays.
func (c *Controller) AddSchedule(ctx context.Context, name, source string) error {
	if !providerName.MatchString(name) {
		return fmt.Errorf("%w: name %q: use letters, digits, '.', '_' and '-'", ErrBadSchedule, name)
	}
	if _, ok := builtin(c.cfg, 0)[name]; ok {
		return fmt.Errorf("%w: %q is built in", ErrBadSchedule, name)
	}
	c.saving.Lock()
	defer c.saving.Unlock()
	u, err := newUserSchedule(c.sandbox, name, source, c.cfg.Limit)
	if err != nil {
		return err
	}
	if _, err := c.choose(ctx, u, c.example()); err != nil {
		return err
	}
	if err := c.db.saveSchedule(ctx, name, source); err != nil {
		return err
	}
	c.mu.Lock()
	c.schedules[name] = u
	c.mu.Unlock()
	return nil
}

// example are the metrics that a new schedule is tried on: every provider works well.
func (c *Controller) example() []Metrics {
	var all []Metrics
	for i, p := range c.cfg.Providers {
		ms := 1 + float64(i)
		all = append(all, Metrics{Provider: p.Name, Function: "example", Tests: 100, Mean: ms, P50: ms, P90: ms,
			P99: ms, Cost: p.Cost, Recent: ms})
	}
	return all
}

// Use makes a schedule the current one. The choice outlives the process.
func (c *Controller) Use(ctx context.Context, schedule string) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	if all := c.Schedules(); !slices.Contains(all, schedule) {
		return fmt.Errorf("%w: %q (there are: %v)", ErrUnknownSchedule, schedule, all)
	}
	if err := c.db.set(ctx, "schedule", schedule); err != nil {
		return fmt.Errorf("keep the chosen schedule: %w", err)
	}
	c.mu.Lock()
	c.current = schedule
	c.mu.Unlock()
	return nil
}

// Schedules are the names of all schedules.
func (c *Controller) Schedules() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Sorted(maps.Keys(c.schedules))
}
