package mpsc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/montanaflynn/stats"
)

// Metrics is what a schedule sees of a provider: its tests of one function
// within the window. Times are in milliseconds and of successful tests only.
type Metrics struct {
	Provider string  `json:"provider"`
	Function string  `json:"function"`
	Tests    int     `json:"tests"`
	Errors   int     `json:"errors"`
	Failing  int     `json:"failing"` // how many of the latest tests have failed, one after the other
	Mean     float64 `json:"mean_ms"`
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
	Cost     float64 `json:"cost_usd"` // of one request

	// Recent is the expected time of a call now, in milliseconds, from the last
	// few calls of this process and those under way; 0 where there are none.
	Recent float64 `json:"recent_ms"`
}

// givenUp is how many tests in a row fail before a provider is taken to be down,
// however well it worked before.
const givenUp = 3

// Works reports whether the window has a successful test, and the latest have
// not all failed.
func (m Metrics) Works() bool { return m.Tests > m.Errors && m.Failing < givenUp }

// summarise draws a provider's metrics from its tests.
func summarise(p Provider, function string, tests []Test) Metrics {
	m := Metrics{Provider: p.Name, Function: function, Tests: len(tests), Cost: p.Cost}
	var ms stats.Float64Data
	for _, t := range tests {
		if t.Class != OK {
			m.Errors++
			m.Failing++
			continue
		}
		m.Failing = 0
		ms = append(ms, float64(t.RoundTrip)/float64(time.Millisecond))
	}
	if len(ms) == 0 {
		return m
	}
	m.Mean, _ = ms.Mean()
	m.P50, _ = ms.PercentileNearestRank(50)
	m.P90, _ = ms.PercentileNearestRank(90)
	m.P99, _ = ms.PercentileNearestRank(99)
	return m
}

// Schedule picks a provider by name from their metrics. An error wraps
// ErrNoProvider when none will do, and ErrBadSchedule when the schedule itself
// is at fault.
type Schedule interface {
	Choose(ctx context.Context, all []Metrics) (string, error)
}

// Names of the built-in schedules.
const (
	ScheduleFastest  = "fastest"
	ScheduleCheapest = "cheapest"
	ScheduleWeighted = "weighted"
)

// builtin returns the built-in schedules.
func builtin(cfg Config, seed uint64) map[string]Schedule {
	return map[string]Schedule{
		ScheduleFastest:  Fastest{},
		ScheduleCheapest: Cheapest{Bound: cfg.Latency},
		ScheduleWeighted: NewWeighted(seed),
		ScheduleAdaptive: Adaptive{},
	}
}

// expected is the mean time a call costs when a failed one is paid for by one
// more: mean over the share of successes.
func expected(m Metrics) float64 { return m.Mean * float64(m.Tests) / float64(m.Tests-m.Errors) }

// Fastest picks the lowest mean round trip, errors weighed in.
type Fastest struct{}

// Choose implements Schedule.
func (Fastest) Choose(_ context.Context, all []Metrics) (string, error) {
	return least(all, func(m Metrics) (float64, bool) { return expected(m), true })
}

// Cheapest picks the lowest cost among those whose mean round trip is below a
// bound; of equally cheap ones the faster.
type Cheapest struct{ Bound time.Duration }

// Choose implements Schedule.
func (c Cheapest) Choose(_ context.Context, all []Metrics) (string, error) {
	bound := float64(c.Bound) / float64(time.Millisecond)
	name, err := least(all, func(m Metrics) (float64, bool) {
		return m.Cost + expected(m)*1e-15, expected(m) < bound
	})
	if err != nil {
		return "", fmt.Errorf("%w: none has a mean round trip below %v", ErrNoProvider, c.Bound)
	}
	return name, nil
}

// Weighted picks at random, each provider in proportion to its speed, so that
// load spreads and all are kept measured.
type Weighted struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// NewWeighted returns a weighted schedule with its own seeded randomness.
func NewWeighted(seed uint64) *Weighted {
	return &Weighted{rng: rand.New(rand.NewPCG(seed, 0x6d707363))}
}

// Choose implements Schedule.
func (w *Weighted) Choose(_ context.Context, all []Metrics) (string, error) {
	total := 0.0
	for _, m := range all {
		if m.Works() {
			total += 1 / max(expected(m), 1e-6)
		}
	}
	w.mu.Lock()
	at := w.rng.Float64() * total
	w.mu.Unlock()
	last := ""
	for _, m := range all {
		if !m.Works() {
			continue
		}
		last = m.Provider
		if at -= 1 / max(expected(m), 1e-6); at < 0 {
			break
		}
	}
	if last == "" {
		return "", ErrNoProvider
	}
	return last, nil
}

// least returns the working provider with the least score among those that
// qualify; earlier ones win ties.
func least(all []Metrics, score func(Metrics) (float64, bool)) (string, error) {
	best, name := 0.0, ""
	for _, m := range all {
		if !m.Works() {
			continue
		}
		if s, ok := score(m); ok && (name == "" || s < best) {
			best, name = s, m.Provider
		}
	}
	if name == "" {
		return "", ErrNoProvider
	}
	return name, nil
}
