package mpsc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Controller ties configuration, metrics database and schedules to the
// executors. Its methods may be called from any number of goroutines.
type Controller struct {
	cfg       Config
	db        *Database
	sandbox   Sandbox
	log       *slog.Logger
	providers map[string]Provider
	executors map[string]Executor
	live      live
	calls     sync.WaitGroup // of Invoke
	bodyTime  time.Duration  // see body.Timed

	mu        sync.RWMutex // guards what follows; not held while a schedule runs or the database works
	schedules map[string]Schedule
	current   string

	saving sync.Mutex // one upload or choice at a time: what is saved last is what is used
}

// Options of a controller; the zero value works.
type Options struct {
	Sandbox   Sandbox             // without one there are no user schedules
	Executors map[string]Executor // by provider's name, instead of those that the type implies
	Getenv    func(string) string // for credentials; default os.Getenv
	Log       *slog.Logger
	Seed      uint64 // of the weighted schedule
}

// NewController returns a controller with the schedules that the database
// knows. A schedule that can no longer be used is reported and left out.
func NewController(cfg Config, db *Database, opts Options) (*Controller, error) {
	c := &Controller{
		cfg: cfg, db: db, sandbox: opts.Sandbox, log: opts.Log,
		providers: map[string]Provider{}, executors: map[string]Executor{},
		schedules: builtin(cfg, opts.Seed), current: cfg.Schedule,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	for _, p := range cfg.Providers {
		e := opts.Executors[p.Name]
		if e == nil {
			var err error
			if e, err = NewExecutor(p, opts.Getenv); err != nil {
				return nil, err
			}
		}
		c.providers[p.Name], c.executors[p.Name] = p, e
	}
	return c, c.restore()
}

// restore takes up the uploaded schedules and the choice among all.
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
			c.log.Info("the schedule chosen last goes before the configuration's", "chosen", chosen, "configured", c.current)
		}
		c.current = chosen
	} else if chosen != "" {
		c.log.Warn("the schedule chosen last cannot be used, the configuration's is", "chosen", chosen, "configured", c.current)
	}
	if _, ok := c.schedules[c.current]; !ok {
		return fmt.Errorf("%w: %q (there are: %v); one of your own is uploaded while a built-in one is configured, and then chosen with POST /schedules/%s/use",
			ErrUnknownSchedule, c.current, slices.Sorted(maps.Keys(c.schedules)), c.current)
	}
	return nil
}

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
	defer tests.Wait()
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
func (c *Controller) call(ctx context.Context, function, provider string, payload []byte, record func(context.Context, Test) (Test, error)) (Test, []byte, error) {
	e := c.executors[provider]
	if e == nil {
		return Test{}, nil, fmt.Errorf("%w: %q (there are: %v)", ErrUnknownProvider, provider, slices.Sorted(maps.Keys(c.providers)))
	}
	end := c.live.begin(function, provider)
	t, out := measure(ctx, e, c.cfg.Timeout, function, payload)
	end(t, ctx.Err() == nil)
	if ctx.Err() != nil {
		return t, nil, ctx.Err() // who asked is gone: says nothing of the provider
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
		err = fmt.Errorf("%w: none has run %s well within the last %v; POST /test/%s says why", ErrNoProvider, function, c.cfg.Window, function)
	}
	return Recommendation{Function: function, Schedule: schedule, Provider: provider}, err
}

// choose runs a schedule and holds it to the providers there are.
func (c *Controller) choose(ctx context.Context, s Schedule, all []Metrics) (string, error) {
	name, err := s.Choose(ctx, all)
	if err != nil {
		return "", err
	}
	if _, ok := c.providers[name]; !ok {
		return "", fmt.Errorf("%w: it named %q, and the providers are %v", ErrBadSchedule, name, slices.Sorted(maps.Keys(c.providers)))
	}
	return name, nil
}

// AddSchedule takes a user's schedule after a trial run on made-up metrics. A
// schedule that hangs, throws or names an unknown provider is refused, and the
// one that is there stays.
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
	if _, err := c.choose(ctx, u, c.rehearsal()); err != nil {
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

// rehearsal is what a new schedule is tried on: every provider works well.
func (c *Controller) rehearsal() []Metrics {
	var all []Metrics
	for i, p := range c.cfg.Providers {
		ms := 1 + float64(i)
		all = append(all, Metrics{Provider: p.Name, Function: "rehearsal", Tests: 100, Mean: ms, P50: ms, P90: ms, P99: ms, Cost: p.Cost, Recent: ms})
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

// order is the recommended provider, then the others by expected time, then
// those that have not worked within the window.
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
		order = slices.Insert(slices.DeleteFunc(order, func(n string) bool { return n == best.Provider }), 0, best.Provider)
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
