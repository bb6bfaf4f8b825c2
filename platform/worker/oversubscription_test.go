package worker

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// policies counts this process's threads by their scheduling policy.
func policies(t *testing.T) map[uint32]int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	n := map[uint32]int{}
	for _, th := range threads {
		tid, _ := strconv.Atoi(th.Name())
		if a, err := unix.SchedGetAttr(tid, 0); err == nil {
			n[a.Policy]++
		}
	}
	return n
}

// oversubscribe has clients call a worker until the returned function is called.
func oversubscribe(t *testing.T, cfg Config) (w *Worker, end func()) {
	t.Helper()
	if n := policies(t); len(n) > 1 || n[unix.SCHED_NORMAL] == 0 {
		t.Skipf("the threads of this process are not SCHED_OTHER: %v", n)
	}
	f := newFake(t)
	f.onInvoke = func(sb *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		time.Sleep(time.Millisecond)
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(sb.function)}, nil
	}
	w = start(t, cfg, f)
	ctx, cancel := context.WithCancel(t.Context())
	clients := new(sync.WaitGroup)
	end = func() {
		cancel()
		clients.Wait()
	}
	t.Cleanup(end)
	for i := range 4 * runtime.GOMAXPROCS(0) {
		clients.Go(func() {
			for ctx.Err() == nil {
				invoke(t, w, strconv.Itoa(i))
			}
		})
	}
	return w, end
}

func TestPlatformDoesNotPreemptSandboxesDuringOversubscription(t *testing.T) {
	_, end := oversubscribe(t, Config{})
	runtimetest.Eventually(t, "threads are SCHED_BATCH during oversubscription", func() bool {
		return policies(t)[unix.SCHED_BATCH] > 0
	})
	end()
	runtimetest.Eventually(t, "they are SCHED_OTHER after it", func() bool {
		return policies(t)[unix.SCHED_BATCH] == 0
	})
}

func TestWithoutSchedBatchThePolicyStaysTheKernels(t *testing.T) {
	w, _ := oversubscribe(t, Config{Batch: BatchOff})
	over := uint64(2 * oversubscriptionCalls * runtime.GOMAXPROCS(0)) // of the calls of two periods
	runtimetest.Eventually(t, "calls that would be oversubscription", func() bool {
		calls, _ := w.oversubscribed(0)
		return calls > over
	})
	if n := policies(t)[unix.SCHED_BATCH]; n > 0 {
		t.Errorf("%d threads are SCHED_BATCH", n)
	}
}

func TestOversubscriptionIsOfManyShortCalls(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	for name, c := range map[string]struct {
		inflight int
		calls    uint64
		want     bool
	}{
		"many short":            {procs + 1, uint64(oversubscriptionCalls * procs), true},
		"many long":             {procs + 1, uint64(oversubscriptionCalls*procs) - 1, false},
		"one after another":     {1, 10_000, false},
		"as many as processors": {procs, 10_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Worker{inflight: c.inflight, invocations: [4]uint64{1000, 0, 0, c.calls}}
			if calls, over := w.oversubscribed(1000); over != c.want || calls != 1000+c.calls {
				t.Errorf("%d calls, oversubscribed %v", calls, over)
			}
		})
	}
}
