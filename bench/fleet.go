package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/mem"

	"github.com/lambdabench/lambdabench/platform/worker"
	isolation "github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/workloads"
)

// fleet is the instances of a density trial.
type fleet struct {
	meter   *meter
	creator *creator
	sink    *Sink

	mu      sync.Mutex
	live    []instance
	stopped string
	failure string
}

type instance struct {
	isolation.Sandbox
	number int
}

// Reasons why no further instance was created.
const (
	stoppedBudget = "budget"
	stoppedFloor  = "floor"
	stoppedCount  = "count"
	stoppedTime   = "time"
	stoppedError  = "error"
)

// fill creates instances until something says stop, and returns what.
func (f *fleet) fill(ctx context.Context, d *density, parallel int, limit time.Duration) (stopped string, took time.Duration) {
	start := time.Now()
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		sb, r := f.creator.create(ctx, a.Number)
		f.mu.Lock()
		defer f.mu.Unlock()
		if sb == nil {
			f.stopped, f.failure = stoppedError, r.Error
			return r
		}
		f.live = append(f.live, instance{sb, a.Number})
		took = time.Since(start)
		return r
	})
	out := func(s workloads.Sample[Reply]) {
		f.sink.Invocation(row(s, f.creator.function(s.Number), nil))
	}
	_ = workloads.Run(ctx, target, out, workloads.Load{Clients: parallel, Pacer: pacerFunc(func(elapsed time.Duration, n int) (time.Duration, bool) {
		return elapsed, !f.full(d, elapsed, n, limit)
	})}) // its error is ctx's, which the caller looks at
	return f.stopped, took
}

// pacerFunc is a closed loop that something else than a clock ends.
type pacerFunc func(elapsed time.Duration, count int) (time.Duration, bool)

func (p pacerFunc) Due(elapsed time.Duration, count int) (time.Duration, bool) {
	return p(elapsed, count)
}

// full decides before each creation. Reading the group's memory takes some
// ten microseconds, the host's somewhat more.
func (f *fleet) full(d *density, elapsed time.Duration, n int, limit time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped != "" {
		return true
	}
	var last []instance
	if len(f.live) > 0 {
		last = f.live[len(f.live)-1:]
	}
	used, err := f.meter.rough(last, len(f.live))
	switch {
	case err != nil:
		f.stopped, f.failure = stoppedError, err.Error()
	case used >= int64(d.Memory):
		f.stopped = stoppedBudget
	case n >= d.Count:
		f.stopped = stoppedCount
	case elapsed >= limit:
		f.stopped = stoppedTime
	case n%16 == 0 && available() < int64(d.Floor):
		f.stopped = stoppedFloor
	}
	return f.stopped != ""
}

func available() int64 {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 0
	}
	return int64(m.Available)
}

// callAll has every instance answer once more: one that no longer can is not an
// instance.
func (f *fleet) callAll(ctx context.Context) error {
	start := time.Now()
	for n, in := range f.live {
		c := Callee{Population: f.creator.pop, Number: in.number % uniqueFunctions}
		s := workloads.Sample[Reply]{Arrival: workloads.Arrival{Number: n, Due: time.Since(start)}}
		s.Started = s.Due
		s.Reply.Outcome, s.Reply.Error = invoke(ctx, in, c)
		s.Ended = time.Since(start)
		s.Reply.Path, s.Reply.Stages.Run = string(worker.Hot), s.Latency()
		if err := ctx.Err(); err != nil {
			return err
		}
		f.sink.Invocation(row(s, f.creator.pop.Name(c.Number), nil))
	}
	return nil
}

// close ends all instances, several at a time.
func (f *fleet) close(parallel int) error {
	errs := make([]error, parallel)
	var wg sync.WaitGroup
	for k := range parallel {
		wg.Go(func() {
			for i := k; i < len(f.live); i += parallel {
				errs[k] = errors.Join(errs[k], f.live[i].Close())
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
