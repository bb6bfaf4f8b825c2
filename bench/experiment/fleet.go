package experiment

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/host"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// fleet is the instances of a density trial.
type fleet struct {
	meter   *host.Meter
	creator *creator
	sink    *bench.Sink
	state   string        // that the instances are in when their memory is read
	same    time.Duration // idle: until the memory in use was the same for so long
	swap    *host.Swap    // swapped: where the instances' memory goes; nil otherwise

	memory, floor int64         // budget of all instances together, and what must stay available on the host, in bytes
	count         int           // most instances
	parallel      int           // creations at a time
	limit         time.Duration // of the trial

	mu      sync.Mutex
	live    []isolation.Sandbox
	numbers []int // of each, in the order in which their creation began
	paused  int   // of live, the first so many
	stopped string
	failure string
}

// fill creates instances until a bound is reached, and returns the bound's name.
func (f *fleet) fill(ctx context.Context, limit time.Duration) (stopped string, took time.Duration, err error) {
	start, first := time.Now(), len(f.live)
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		sb, r := f.creator.create(ctx, first+a.Number)
		f.mu.Lock()
		defer f.mu.Unlock()
		if sb == nil {
			f.stopped, f.failure = record.StoppedError, r.Error
			return r
		}
		f.live, f.numbers = append(f.live, sb), append(f.numbers, first+a.Number)
		took = time.Since(start)
		return r
	})
	out := func(s workloads.Sample[Reply]) {
		f.sink.Invocation(row(s, f.creator.function(first+s.Number), nil))
	}
	err = workloads.Run(ctx, target, out, workloads.Load{Clients: f.parallel,
		Pacer: pacerFunc(func(elapsed time.Duration, n int) (time.Duration, bool) {
			return elapsed, !f.full(elapsed, first+n, limit)
		})})
	return f.stopped, took, err
}

// fillAtRest fills, brings the instances into their state, and fills the memory that they
// gave back, as long as that is more than a twentieth of the budget.
func (f *fleet) fillAtRest(ctx context.Context) (stopped string, took time.Duration, err error) {
	for start := time.Now(); ; f.stopped = "" {
		left := f.limit - time.Since(start)
		if left <= 0 && len(f.live) > 0 {
			return record.StoppedTime, took, nil
		}
		stopped, t, err := f.fill(ctx, left)
		if err != nil || len(f.live) == 0 {
			return stopped, took, err
		}
		took += t
		used, err := f.settle(ctx)
		if err != nil || stopped != record.StoppedBudget || used > f.memory/20*19 {
			return stopped, took, err
		}
	}
}

// settle brings the instances into their state, and returns the memory that they then
// take.
func (f *fleet) settle(ctx context.Context) (used int64, err error) {
	switch f.state {
	case record.StateIdle:
		return f.rest(ctx)
	case record.StatePaused, record.StateSwapped:
		err = f.pause(ctx)
	default:
		return f.memory, nil
	}
	if err != nil {
		return 0, err
	}
	return f.used()
}

// pause pauses the instances that are awake, and has the kernel take back their memory
// where there is a device to move it to.
func (f *fleet) pause(ctx context.Context) error {
	for ; f.paused < len(f.live); f.paused++ {
		sb := f.live[f.paused]
		if err := sb.(isolation.Pauser).Pause(ctx); err != nil {
			return err
		}
		if f.swap == nil {
			continue
		}
		if err := sb.(isolation.Reclaimer).Reclaim(); err != nil {
			return err
		}
	}
	return nil
}

// used is the memory that the instances take, in bytes, what is swapped included.
func (f *fleet) used() (int64, error) { return f.withSwap(f.meter.All(f.live)) }

// rough is used, read quickly.
func (f *fleet) rough() (int64, error) { return f.withSwap(f.meter.Rough(f.live)) }

func (f *fleet) withSwap(used int64, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	swapped, err := f.swap.Used()
	return used + swapped, err
}

// rest waits until the instances' memory has not fallen by a hundredth for the time same,
// and returns that memory.
func (f *fleet) rest(ctx context.Context) (used int64, err error) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for least, since := int64(math.MaxInt64), time.Now(); time.Since(since) < f.same; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if used, err = f.meter.All(f.live); err != nil {
			return 0, err
		}
		if used < least-least/100 {
			least, since = used, time.Now()
		}
	}
	return used, nil
}

// pacerFunc is a closed loop that ends by another condition than time.
type pacerFunc func(elapsed time.Duration, count int) (time.Duration, bool)

func (p pacerFunc) Due(elapsed time.Duration, count int) (time.Duration, bool) {
	return p(elapsed, count)
}

// full decides before each creation. Reading the group's memory takes some
// ten microseconds, the host's somewhat more.
func (f *fleet) full(elapsed time.Duration, n int, limit time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped != "" {
		return true
	}
	used, err := f.rough()
	switch {
	case err != nil:
		f.stopped, f.failure = record.StoppedError, err.Error()
	case used >= f.memory:
		f.stopped = record.StoppedBudget
	case n >= f.count:
		f.stopped = record.StoppedCount
	case elapsed >= limit:
		f.stopped = record.StoppedTime
	case n%16 == 0 && available() < f.floor:
		f.stopped = record.StoppedFloor
	}
	return f.stopped != ""
}

func available() int64 {
	m, err := cgroup.ReadMemory(context.Background())
	if err != nil {
		return 0
	}
	return m.Available
}

// callAll calls every instance once more: an instance that cannot answer does not count.
// The latency is that of waking up. The result is the most memory that was in use
// meanwhile; 0 where a reading takes too long, because each instance has to be asked.
func (f *fleet) callAll(ctx context.Context) (peak int64, err error) {
	start := time.Now()
	for n := range f.live {
		c := Callee{Population: f.creator.pop, Number: f.numbers[n] % uniqueFunctions}
		s := workloads.Sample[Reply]{Arrival: workloads.Arrival{Number: n, Due: time.Since(start)}}
		s.Started = s.Due
		s.Reply.Outcome, s.Reply.Error = f.call(ctx, n, c)
		s.Ended = time.Since(start)
		s.Reply.Path, s.Reply.Stages.Run = string(worker.Hot), s.Latency()
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		f.sink.Invocation(row(s, f.creator.pop.Name(c.Number), nil))
		if f.meter.Quick() && (n%64 == 0 || n == len(f.live)-1) {
			used, err := f.rough()
			if err != nil {
				return 0, err
			}
			peak = max(peak, used)
		}
	}
	return peak, nil
}

// call calls instance n, which is resumed before if it is paused.
func (f *fleet) call(ctx context.Context, n int, c Callee) (outcome, message string) {
	sb := f.live[n]
	if n < f.paused {
		if err := sb.(isolation.Pauser).Resume(ctx); err != nil {
			return OutcomeRefused, err.Error()
		}
	}
	return invoke(ctx, sb, c)
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
