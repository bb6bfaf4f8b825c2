package mpsc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Recommendation is a schedule's answer.
type Recommendation struct {
	Function string `json:"function"`
	Schedule string `json:"schedule"`
	Provider string `json:"provider"`
}

// Recommend asks a schedule, "" for the current one, where to run a function.
func (c *Controller) Recommend(ctx context.Context, function, schedule string) (Recommendation, error) {
	c.mu.RLock()
	if schedule == "" {
		schedule = c.current
	}
	s := c.schedules[schedule]
	c.mu.RUnlock()
	if s == nil {
		return Recommendation{}, fmt.Errorf("%w: %q (there are: %v)", ErrUnknownSchedule, schedule, c.Schedules())
	}
	all, err := c.Metrics(ctx, function)
	if err != nil {
		return Recommendation{}, err
	}
	provider, err := c.choose(ctx, s, all)
	if errors.Is(err, ErrNoProvider) && !slices.ContainsFunc(all, Metrics.Works) {
		err = fmt.Errorf("%w: none has run %s well within the last %v; POST /test/%s says why", ErrNoProvider, function,
			c.cfg.Window, function)
	}
	return Recommendation{Function: function, Schedule: schedule, Provider: provider}, err
}

// choose runs a schedule, whose answer must be a provider of the configuration.
func (c *Controller) choose(ctx context.Context, s Schedule, all []Metrics) (string, error) {
	name, err := s.Choose(ctx, all)
	if err != nil {
		return "", err
	}
	if _, ok := c.providers[name]; !ok {
		return "", fmt.Errorf("%w: it named %q, and the providers are %v", ErrBadSchedule, name,
			slices.Sorted(maps.Keys(c.providers)))
	}
	return name, nil
}

// order are all providers: the recommended one first, then the others by expected
// time, and last those that have not worked within the window.
func (c *Controller) order(ctx context.Context, function string) ([]string, error) {
	if order := c.adaptiveOrder(function); order != nil {
		return order, nil
	}
	all, err := c.Metrics(ctx, function)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Metrics) int {
		switch {
		case a.Works() != b.Works():
			if a.Works() {
				return -1
			}
			return 1
		case a.Works() && expected(a) < expected(b):
			return -1
		case a.Works() && expected(a) > expected(b):
			return 1
		}
		return 0
	})
	var order []string
	for _, m := range all {
		order = append(order, m.Provider)
	}
	best, err := c.Recommend(ctx, function, "")
	switch {
	case err == nil:
		order = slices.Insert(slices.DeleteFunc(order, func(n string) bool {
			return n == best.Provider
		}), 0, best.Provider)
	case ctx.Err() != nil:
		return nil, err
	case !errors.Is(err, ErrNoProvider):
		c.log.Warn("the schedule did not answer, the fastest provider is taken", "error", err)
	}
	return order, nil
}

// adaptiveOrder is the order by recent times, those of which nothing is known
// last. It is nil when another schedule is used, or nothing is known at all. It
// asks no database: it is on the path of every proxied call.
func (c *Controller) adaptiveOrder(function string) []string {
	c.mu.RLock()
	_, ok := c.schedules[c.current].(Adaptive)
	c.mu.RUnlock()
	if !ok {
		return nil
	}
	recent, known := map[string]float64{}, false
	var order []string
	for _, p := range c.cfg.Providers {
		ms := c.live.recent(function, p.Name)
		if known = known || ms > 0; ms == 0 {
			ms = math.Inf(1)
		}
		recent[p.Name] = ms
		order = append(order, p.Name)
	}
	if !known {
		return nil
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(recent[a], recent[b]) })
	return order
}
