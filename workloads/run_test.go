package workloads_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/workloads"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAStallIsNotHidden is the test of co-ordinated omission: a target serves
// one call at a time and stalls once. A generator that measured from when it
// sent would see one slow call; from when calls were due, the stall is in the
// latency of every call that had to wait behind it.
func TestAStallIsNotHidden(t *testing.T) {
	const stall = 300 * ms
	target := workloads.TargetFunc[error](func(_ context.Context, a workloads.Arrival) error {
		if a.Number == 10 {
			time.Sleep(stall)
		}
		return nil
	})
	var all []workloads.Sample[error]
	sink := func(s workloads.Sample[error]) { all = append(all, s) }
	err := workloads.Run(context.Background(), target, sink,
		workloads.Load{Pacer: workloads.Constant{Rate: 200, For: 500 * ms}, Clients: 1})
	if err != nil {
		t.Fatal(err)
	}
	// 200/s over a stall of 300 ms: 60 calls become due, and the first 50 wait for 50 ms at least. On a slow machine
	// the stall begins and ends later.
	begin, end := all[10].Started, all[10].Ended
	behind := 0
	for _, s := range all[11:] {
		if s.Due < begin || s.Due > end-50*ms {
			continue
		}
		behind++
		if s.Latency() < 50*ms {
			t.Errorf("call %d was due %v before the end of the stall and shows %v", s.Number, end-s.Due, s.Latency())
		}
	}
	if behind == 0 {
		t.Errorf("no call became due in the stall from %v to %v", begin, end)
	}
}

func TestClientsBoundTheCallsUnderWay(t *testing.T) {
	var now, peak atomic.Int64
	target := workloads.TargetFunc[int](func(context.Context, workloads.Arrival) int {
		n := now.Add(1)
		for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
		}
		time.Sleep(ms)
		return int(now.Add(-1))
	})
	calls := 0
	sink := func(workloads.Sample[int]) { calls++ }
	err := workloads.Run(context.Background(), target, sink,
		workloads.Load{Pacer: workloads.Closed{Calls: 40}, Clients: 4},
		workloads.Load{Pacer: workloads.Bursts{Size: 10, Count: 1}, Clients: 3})
	if err != nil || calls != 50 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if p := peak.Load(); p != 7 {
		t.Errorf("%d calls at a time, want 4 + 3", p)
	}
}

func TestFailuresAreData(t *testing.T) {
	bad := errors.New("refused")
	target := workloads.TargetFunc[error](func(_ context.Context, a workloads.Arrival) error {
		if a.Number%2 == 1 {
			return bad
		}
		return nil
	})
	failed := 0
	sink := func(s workloads.Sample[error]) {
		if s.Reply != nil {
			failed++
		}
	}
	if err := workloads.Run(context.Background(), target, sink,
		workloads.Load{Pacer: workloads.Closed{Calls: 10}}); err != nil {
		t.Fatal(err)
	}
	if failed != 5 {
		t.Errorf("%d failed calls reached the sink, want 5", failed)
	}
}

func TestCallsComeInOrderAndPickTheirFunction(t *testing.T) {
	order := workloads.Order(5, 20, 1)
	var got []int32
	target := workloads.TargetFunc[int](func(_ context.Context, a workloads.Arrival) int { return a.Function })
	sink := func(s workloads.Sample[int]) { got = append(got, int32(s.Reply)) }
	err := workloads.Run(context.Background(), target, sink,
		workloads.Load{Pacer: workloads.Closed{Calls: 20}, Pick: workloads.Cycle(order)})
	if err != nil || !slices.Equal(got, order) {
		t.Errorf("called %v, want %v (%v)", got, order, err)
	}
}

func TestCancelEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	target := workloads.TargetFunc[error](func(ctx context.Context, _ workloads.Arrival) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	err := workloads.Run(ctx, target, func(workloads.Sample[error]) {},
		workloads.Load{Pacer: workloads.Closed{}, Clients: 8},
		workloads.Load{Pacer: workloads.Bursts{First: time.Hour, Size: 1, Count: 1}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkClosedLoop(b *testing.B) {
	target := workloads.TargetFunc[int](func(context.Context, workloads.Arrival) int { return 0 })
	err := workloads.Run(context.Background(), target, func(workloads.Sample[int]) {},
		workloads.Load{Pacer: workloads.Closed{Calls: b.N}, Clients: 4})
	if err != nil {
		b.Fatal(err)
	}
}
