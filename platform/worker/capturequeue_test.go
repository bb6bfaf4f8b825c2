package worker

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestMostMissedFunctionIsCapturedFirst(t *testing.T) {
	var q captureQueue
	jobs := map[string]*wanted{}
	for name := range strings.FieldsSeq("once twice thrice again") {
		jobs[name] = q.add(&function{identity: identity{arn: name}}, nil, isolation.Function{}, 0)
	}
	for name := range strings.FieldsSeq("thrice twice thrice again") {
		q.missed(jobs[name])
	}
	var order []string
	for job := q.next(); job != nil; job = q.next() {
		order = append(order, job.fn.arn)
	}
	if got := strings.Join(order, " "); got != "thrice again twice once" {
		t.Errorf("the order is %s", got)
	}
}

// TestCapturesCatchUp calls more functions than are captured meanwhile: the
// first capture takes until all of them were called.
func TestCapturesCatchUp(t *testing.T) {
	const functions = 1500
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Off: true}, Functions: Cache{Bytes: 1 << 40}}, fakeSnapshotter{f})
	ready(t, w)
	for i := range functions {
		invoke(t, w, fmt.Sprint("f", i))
	}
	runtimetest.Eventually(t, "captures", func() bool { return w.Stats().FunctionSnapshots == functions })
	if s := w.Stats(); s.CapturesSkipped != 0 {
		t.Errorf("%d skipped", s.CapturesSkipped)
	}
}

// TestImportForACaptureYields has two functions captured, of which the second was
// missed twice before its turn came.
func TestImportForACaptureYields(t *testing.T) {
	f := newFake(t)
	var mu sync.Mutex
	var told []string
	tell := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, what)
	}
	f.onYield = func(on bool) error {
		tell(fmt.Sprint("yield ", on))
		return nil
	}
	w := start(t, Config{Idle: Cache{Off: true}}, fakeSnapshotter{f})
	ready(t, w)
	release := make(chan struct{})
	f.onImport = func(_ context.Context, fn isolation.Function) error {
		tell("import " + fn.Name)
		mu.Lock()
		second := slices.Contains(told, "yield true")
		mu.Unlock()
		if fn.Name == "once" && second {
			<-release // until the other function was missed
		}
		return nil
	}
	invoke(t, w, "once")
	runtimetest.Eventually(t, "import for the capture", func() bool { return f.imports.Load() == 2 })
	invoke(t, w, "twice")
	invoke(t, w, "twice")
	close(release)
	runtimetest.Eventually(t, "captures", func() bool { return w.Stats().FunctionSnapshots == 2 })
	mu.Lock()
	defer mu.Unlock()
	want := "import once, yield true, import once, import twice, import twice, yield false, import twice"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told: %s", got)
	}
}

// TestCaptureWaitsForAQuietMoment keeps an invocation running beside two captures that
// are wanted: one is missed once, the other twice.
func TestCaptureWaitsForAQuietMoment(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Off: true}}, fakeSnapshotter{f})
	ready(t, w)
	var once atomic.Int64 // its imports
	running, release := make(chan struct{}), make(chan struct{})
	f.onInvoke = func(sb *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		if sb.function == "long" {
			close(running)
			<-release
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(sb.function)}, nil
	}
	f.onImport = func(_ context.Context, fn isolation.Function) error {
		if fn.Name != "long" {
			time.Sleep(100 * time.Millisecond) // so that a second is waited for a quiet moment
		}
		if fn.Name == "once" {
			once.Add(1)
		}
		return nil
	}
	var long sync.WaitGroup
	long.Go(func() { invoke(t, w, "long") })
	<-running
	begin := time.Now()
	invoke(t, w, "once")
	invoke(t, w, "twice")
	invoke(t, w, "twice")
	runtimetest.Eventually(t, "capture of what was missed twice", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		fn := w.functions[request("twice").Function.ARN]
		return fn != nil && fn.snap != nil
	})
	if n, waited := once.Load(), time.Since(begin); n > 1 && waited < 900*time.Millisecond {
		t.Errorf("after %v beside an invocation, what was missed once is imported for its capture", waited)
	}
	wantPaths(t, w, "warm", "twice")
	close(release)
	long.Wait()
	runtimetest.Eventually(t, "captures", func() bool { return w.Stats().FunctionSnapshots == 3 })
}

// TestFailedCaptureLeavesTheNextClaimAlone has captures of one function fail while
// invocations claim the next one: a claim stays until its own capture has ended, so that
// no function is queued while its snapshot is being taken.
func TestFailedCaptureLeavesTheNextClaimAlone(t *testing.T) {
	const captures = 300
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Off: true}}, fakeSnapshotter{f})
	ready(t, w)
	var taken, unclaimed, queued atomic.Int64
	f.onCapture = func() error {
		taken.Add(1)
		runtime.Gosched() // to an invocation that ends meanwhile
		w.mu.Lock()
		defer w.mu.Unlock()
		for fn := w.functions[request("a").Function.ARN]; fn != nil; fn = fn.sibling {
			if !fn.capturing {
				unclaimed.Add(1)
			}
			if fn.wanted != nil {
				queued.Add(1)
			}
		}
		return isolation.ErrNotQuiescent
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for taken.Load() < captures {
				invoke(t, w, "a")
			}
		})
	}
	callers.Wait()
	if unclaimed.Load() > 0 || queued.Load() > 0 {
		t.Errorf("of %d captures %d were claimed by nobody, and the function was queued during %d", taken.Load(),
			unclaimed.Load(), queued.Load())
	}
}
