package workloads

import (
	"context"
	"sync"
	"time"
)

// Load is one stream of calls.
type Load struct {
	Name    string
	Pacer   Pacer
	Clients int             // calls under way at a time, at most; 0 is 1
	Pick    func(n int) int // function of call number n; nil picks function 0
}

// Run drives target with all loads at once, on one clock, until their pacers
// end or ctx is cancelled, and returns when the last call has returned. Each
// load has a goroutine per client and no more: when all its clients are busy,
// a call waits, and its latency counts from when it was due.
//
// The sink gets every call, one at a time, in the order in which they end; it
// runs on the client that made the call. The error is ctx's.
func Run[R any](ctx context.Context, target Target[R], sink func(Sample[R]), loads ...Load) error {
	g := generator[R]{target: target, sink: sink, start: time.Now()}
	for _, l := range loads {
		q := &queue{load: l}
		for range max(1, l.Clients) {
			g.wg.Add(1)
			go g.client(ctx, q)
		}
	}
	g.wg.Wait()
	return ctx.Err()
}

type generator[R any] struct {
	target Target[R]
	start  time.Time
	wg     sync.WaitGroup

	mu   sync.Mutex
	sink func(Sample[R])
}

// client makes one call after the other.
func (g *generator[R]) client(ctx context.Context, q *queue) {
	defer g.wg.Done()
	for {
		a, ok := q.next(time.Since(g.start))
		if !ok || !sleepUntil(ctx, g.start.Add(a.Due)) {
			return
		}
		s := Sample[R]{Arrival: a, Started: time.Since(g.start)}
		s.Reply = g.target.Call(ctx, a)
		s.Ended = time.Since(g.start)
		g.mu.Lock()
		g.sink(s)
		g.mu.Unlock()
	}
}

// queue hands out the arrivals of one load, in order.
type queue struct {
	mu   sync.Mutex
	load Load
	n    int
}

func (q *queue) next(elapsed time.Duration) (Arrival, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	due, ok := q.load.Pacer.Due(elapsed, q.n)
	if !ok {
		return Arrival{}, false
	}
	a := Arrival{Load: q.load.Name, Number: q.n, Due: due}
	if q.load.Pick != nil {
		a.Function = q.load.Pick(q.n)
	}
	q.n++
	return a, true
}

// fine is the last part of a wait that is left to the kernel's timer: Go's own
// is late by up to a millisecond, as much as a whole deploy from a snapshot.
const fine = 2 * time.Millisecond

// sleepUntil waits for t; false means that ctx was cancelled.
func sleepUntil(ctx context.Context, t time.Time) bool {
	if wait := time.Until(t) - fine; wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	// A signal ends the kernel's wait early, that of a sandbox which ended above
	// all: a call before its time would look faster than it is.
	for wait := time.Until(t); wait > 0; wait = time.Until(t) {
		nanosleep(wait)
	}
	return ctx.Err() == nil
}
