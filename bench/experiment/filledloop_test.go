package experiment

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// simulated is a platform whose calls take the time that it is told: start for the first
// call of a function, hot for the others.
type simulated struct {
	start, hot time.Duration

	mu     sync.Mutex
	called map[int]bool
}

func (p *simulated) Call(_ context.Context, a workloads.Arrival) Reply {
	p.mu.Lock()
	known := p.called[a.Function]
	p.called[a.Function] = true
	p.mu.Unlock()
	if known {
		time.Sleep(p.hot)
		return Reply{Outcome: string(isolation.OK), Path: string(worker.Hot)}
	}
	time.Sleep(p.start)
	return Reply{Outcome: string(isolation.OK), Path: string(worker.Boot)}
}

// run drives a loop and returns the number of latencies that count.
func (p *simulated) run(t *testing.T, l *filledLoop, clients int) (latencies int) {
	t.Helper()
	p.called = map[int]bool{}
	err := workloads.Run(t.Context(), p, func(s workloads.Sample[Reply]) {
		if l.ended(s) {
			latencies++
		}
	}, l.load(clients))
	if err != nil {
		t.Fatal(err)
	}
	return latencies
}

func TestALoopCountsNothingBeforeEveryFunctionAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFilledLoop(40, 64, time.Second, time.Minute, 1)
		(&simulated{start: 100 * time.Millisecond, hot: time.Millisecond}).run(t, l, 8)
		if l.filled.n != 40 || l.from < 500*time.Millisecond {
			t.Errorf("the count began at %v with %d of 40 functions filled", l.from, l.filled.n)
		}
		if l.hot != l.ok || l.counted.n != 40 {
			t.Errorf("%d of %d completions were hot, of %d functions; want all, of 40", l.hot, l.ok, l.counted.n)
		}
	})
}

func TestALoopThatCannotFillDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFilledLoop(1000, 64, time.Second, 3*time.Second, 1)
		latencies := (&simulated{start: 100 * time.Millisecond, hot: time.Millisecond}).run(t, l, 8)
		if l.ok != 0 || latencies != 0 || l.from != 0 {
			t.Errorf("%d completions and %d latencies were counted with %d of 1000 functions filled", l.ok, latencies,
				l.filled.n)
		}
		if l.filled.n < 8*19 || l.filled.n >= 8*23 {
			t.Errorf("%d functions were filled in 2 s by 8 clients at 100 ms each", l.filled.n)
		}
	})
}

// A window of one second that began with no call under way would count 8 of the 11.4
// calls of 700 ms.
func TestTheRateOfALoopDoesNotLoseTheCallsAtItsEnds(t *testing.T) {
	for name, c := range map[string]struct {
		hot  time.Duration
		want float64
	}{
		"calls of most of the window": {700 * time.Millisecond, 8 / 0.7},
		"calls of half the window":    {499 * time.Millisecond, 8 / 0.499},
		"short calls":                 {time.Millisecond, 8000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFilledLoop(8, 8, time.Second, time.Hour, 1)
				latencies := (&simulated{start: c.hot, hot: c.hot}).run(t, l, 8)
				got := float64(l.ok) / (l.to - l.from).Seconds()
				if math.Abs(got/c.want-1) > 0.08 || l.ok < leastCompletions {
					t.Errorf("%d completions in %v: %.2f a second, want %.2f", l.ok, l.to-l.from, got, c.want)
				}
				if latencies == 0 {
					t.Error("no latency was taken")
				}
			})
		})
	}
}

func TestALoopGoesOnUntilEveryFunctionAnsweredInTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 200 functions by one client at 50 ms: ten windows of a second.
		l := newFilledLoop(200, 16, time.Second, time.Hour, 1)
		(&simulated{start: 50 * time.Millisecond, hot: 50 * time.Millisecond}).run(t, l, 1)
		if l.counted.n != 200 || l.to-l.from < 10*time.Second {
			t.Errorf("%d of 200 functions answered in a count of %v", l.counted.n, l.to-l.from)
		}
		// The same with an end.
		l = newFilledLoop(200, 16, time.Second, 14*time.Second, 1)
		(&simulated{start: 50 * time.Millisecond, hot: 50 * time.Millisecond}).run(t, l, 1)
		if l.counted.n == 200 || l.to > 15*time.Second {
			t.Errorf("%d functions answered in a count that ended at %v; the trial has 14 s", l.counted.n, l.to)
		}
	})
}
