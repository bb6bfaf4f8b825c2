package mpsc

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// ScheduleAdaptive is the built-in schedule that follows what providers do now.
const ScheduleAdaptive = "adaptive"

// Adaptive picks the provider with the lowest recent round trip. Recent is the
// geometric moving average of the last few calls, so that one good test after
// many bad ones weighs as much as one bad after many good ones; a call that is
// still under way, was not overtaken by a later one and has taken longer already
// counts as the latest. So a provider that turns slow is left before its first
// slow reply is there, and comes back by the monitor's tests. A provider that
// is down is not picked, however fast it fails.
type Adaptive struct{}

// Choose implements Schedule.
func (Adaptive) Choose(ctx context.Context, all []Metrics) (string, error) {
	if !slices.ContainsFunc(all, func(m Metrics) bool { return m.Recent > 0 }) {
		return Fastest{}.Choose(ctx, all) // the process has just started
	}
	best, name := 0.0, ""
	for _, m := range all {
		if m.Recent > 0 && m.Recent < downMS && (name == "" || m.Recent < best) {
			best, name = m.Recent, m.Provider
		}
	}
	if name == "" {
		return "", ErrNoProvider
	}
	return name, nil
}

// Weights of the latest call in the moving averages. With 0.7 one call of 500 ms
// after many of 1 ms outweighs a provider that takes 30, and two good tests make
// up for it.
const (
	weightOfLatest  = 0.7
	weightOfOutcome = 0.3
)

// downMS is the expected time, in milliseconds, of a call to a provider that has
// failed givenUp times in a row, however fast it fails.
const downMS = 1e6

// live is what is known of the providers without asking the database.
type live struct {
	mu    sync.Mutex
	state map[liveKey]*liveState
}

type liveKey struct{ function, provider string }

type liveState struct {
	logMS  float64 // moving average of log(ms)
	failed float64 // moving average of failures, 0 to 1
	calls  int
	inARow int                     // of failures, the latest
	latest time.Time               // when the latest call that has ended was begun
	begun  map[*time.Time]struct{} // calls under way
}

func (l *live) of(function, provider string) *liveState {
	k := liveKey{function, provider}
	s := l.state[k]
	if s == nil {
		s = &liveState{begun: map[*time.Time]struct{}{}}
		if l.state == nil {
			l.state = map[liveKey]*liveState{}
		}
		l.state[k] = s
	}
	return s
}

// begin counts a call as under way until the function that it returns is called. known
// is false for a call whose outcome says nothing of the provider.
func (l *live) begin(function, provider string) (end func(t Test, known bool)) {
	at := new(time.Time)
	*at = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.of(function, provider)
	s.begun[at] = struct{}{}
	return func(t Test, known bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(s.begun, at)
		if known {
			s.add(t, *at)
		}
	}
}

// add moves the averages. A call that a later one has overtaken tells of the
// past and is left out. The time of a failed call says nothing of a successful
// one's unless it was longer.
func (s *liveState) add(t Test, begun time.Time) {
	if begun.Before(s.latest) {
		return
	}
	s.latest = begun
	latest := math.Log(max(float64(t.RoundTrip)/float64(time.Millisecond), 1e-3))
	failed := 0.0
	if t.Class.FallsOver() {
		failed = 1
		s.inARow++
		latest = max(latest, s.logMS)
	}
	if failed == 0 {
		s.inARow = 0
	}
	if s.calls++; s.calls == 1 {
		s.logMS, s.failed = latest, failed
		return
	}
	s.logMS += weightOfLatest * (latest - s.logMS)
	s.failed += weightOfOutcome * (failed - s.failed)
}

// recent is the expected time of a call now, in milliseconds: failed ones are
// paid for by further ones. 0 means that nothing is known.
func (l *live) recent(function, provider string) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state[liveKey{function, provider}] // not l.of: a question about an unknown function leaves nothing behind
	if s == nil || s.calls == 0 {
		return 0
	}
	ms := math.Exp(s.logMS)
	for at := range s.begun {
		if at.Before(s.latest) {
			continue
		}
		ms = max(ms, float64(time.Since(*at))/float64(time.Millisecond))
	}
	ms /= max(1-s.failed, 0.01)
	if s.inARow >= givenUp {
		ms = max(ms, downMS)
	}
	return ms
}
