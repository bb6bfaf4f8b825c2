package worker

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestIdleSandboxesAreBoundedByNumber(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Count: 2}}, f)
	wantPaths(t, w, "boot boot hot boot", "a", "b", "a", "c") // b is evicted
	wantPaths(t, w, "hot hot boot", "a", "c", "b")            // then a
	wantPaths(t, w, "hot boot", "c", "a")
	if s := w.Stats(); s.Idle != 2 || s.IdleEvictions != 3 {
		t.Errorf("%+v", s)
	}
	runtimetest.Eventually(t, "evicted sandboxes closed", func() bool { return f.count() == 2 })
}

func TestIdleSandboxesAreBoundedByMemory(t *testing.T) {
	f := newFake(t)
	f.memory = func(sb *fakeSandbox) int64 {
		if sb.function == "hog" {
			return 80 << 20
		}
		return 30 << 20
	}
	w := start(t, Config{Idle: Cache{Bytes: 100 << 20}}, f)
	for _, name := range []string{"a", "b", "c"} {
		invokeMetered(t, w, name)
	}
	if s := w.Stats(); s.Idle != 3 || s.IdleBytes != 90<<20 {
		t.Fatalf("%+v", s)
	}
	invokeMetered(t, w, "hog")
	if s := w.Stats(); s.Idle != 1 || s.IdleBytes != 80<<20 || s.IdleEvictions != 3 {
		t.Errorf("%+v", s)
	}
	wantPaths(t, w, "hot", "hog")
}

func TestUnsampledSandboxesCountAsTheAverage(t *testing.T) {
	f := newFake(t)
	var slow atomic.Bool
	sampled := make(chan struct{})
	f.memory = func(sb *fakeSandbox) int64 {
		if slow.Load() {
			<-sampled
		}
		return 30 << 20
	}
	w := start(t, Config{Idle: Cache{Bytes: 100 << 20}}, f)
	invokeMetered(t, w, "a")
	slow.Store(true)
	wantPaths(t, w, "boot boot boot boot boot", "b", "c", "d", "e", "f")
	if s := w.Stats(); s.Idle != 3 || s.IdleBytes != 90<<20 {
		t.Errorf("%+v", s)
	}
	close(sampled)
}

func TestSandboxesThatBecameSmallerWhileIdleMakeRoom(t *testing.T) {
	f := newFake(t)
	var small atomic.Bool
	f.memory = func(sb *fakeSandbox) int64 {
		if small.Load() {
			return 1 << 20
		}
		return 30 << 20
	}
	w := start(t, Config{Idle: Cache{Bytes: 100 << 20}}, f)
	for _, name := range []string{"a", "b", "c"} {
		invokeMetered(t, w, name)
	}
	small.Store(true)
	w.resample(w.clock())
	runtimetest.Eventually(t, "all are read once more", func() bool { return w.Stats().IdleBytes == 3<<20 })
	w.resample(w.clock()) // they were
	small.Store(false)
	wantPaths(t, w, "boot", "d")
	if s := w.Stats(); s.Idle != 4 || s.IdleBytes != 33<<20 {
		t.Errorf("%+v", s)
	}
}

func TestEvictionTakesTheOldestOfAnotherFunction(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Sandboxes: 3}, f)
	wantPaths(t, w, "boot boot boot hot boot", "a", "b", "c", "a", "d")
	wantPaths(t, w, "hot hot hot", "a", "c", "d")
	wantPaths(t, w, "boot", "b")
}

func TestOverTheCacheEveryCallEvictsAndBoots(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Sandboxes: 4}, f)
	for range 3 {
		for i := range 5 {
			if p := invoke(t, w, fmt.Sprint("f", i)).Path; p != Boot {
				t.Fatalf("f%d took %s", i, p)
			}
		}
	}
	if s := w.Stats(); s.IdleEvictions != 11 || s.Invocations[Boot] != 15 {
		t.Errorf("%+v", s)
	}
}

func TestIdleSandboxesExpire(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{KeepAlive: 20 * time.Millisecond}, f)
	invoke(t, w, "a")
	runtimetest.Eventually(t, "expiry", func() bool { return f.count() == 0 })
	if s := w.Stats(); s.IdleExpired != 1 || s.Functions != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSnapshotsAreBoundedByNumberAndMemory(t *testing.T) {
	for name, bound := range map[string]Cache{"number": {Count: 2}, "memory": {Bytes: 2500}} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			w := start(t, Config{Idle: Cache{Off: true}, Functions: bound, Capture: CaptureInline}, fakeSnapshotter{f})
			ready(t, w)
			wantPaths(t, w, "cold cold warm cold warm cold", "a", "b", "a", "c", "a", "b")
			if s := w.Stats(); s.FunctionSnapshots != 2 || s.SnapshotBytes != 2000 || s.SnapshotEvictions != 2 ||
				s.Functions != 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// closersDone waits until nothing is queued or being closed.
func closersDone(t *testing.T, w *Worker) {
	t.Helper()
	runtimetest.Eventually(t, "the close queue is empty", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.closers == 0
	})
}

func TestSnapshotEvictedDuringItsDeploymentStaysOpen(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Off: true}, Capture: CaptureInline}, fakeSnapshotter{f})
	ready(t, w)
	invoke(t, w, "a")
	f.onDeploy = func(function string) error {
		if function == "a" {
			w.Forget("arn:a", "")
			closersDone(t, w) // a snapshot that was queued by now would be closed
		}
		return nil
	}
	wantPaths(t, w, "warm", "a")
	runtimetest.Eventually(t, "snapshot closed", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.snapshots) == 1
	})
}

func TestOneRuntimeSnapshotIsSharedByFirstUsers(t *testing.T) {
	f := newFake(t)
	all := make(chan struct{}) // wait for the boot
	f.onBoot = func() error { <-all; return nil }
	w := start(t, Config{Runtimes: RuntimeSnapshots{AtFirstUse: true}, Capture: CaptureOff}, fakeSnapshotter{f})
	done := make(chan Path)
	for i := range 32 {
		go func() { done <- invoke(t, w, fmt.Sprint("f", i)).Path }()
	}
	runtimetest.Eventually(t, "all wait for the boot", func() bool { return w.Stats().Starting == 32 })
	close(all)
	for range 32 {
		if p := <-done; p != Boot {
			t.Errorf("an invocation that waited for the boot took %s", p)
		}
	}
	if f.boots.Load() != 1 || f.deploys.Load() != 32 {
		t.Errorf("%d boots, %d deploys", f.boots.Load(), f.deploys.Load())
	}
}

func TestRuntimeSnapshotIsTriedAgainAfterAFailure(t *testing.T) {
	f := newFake(t)
	f.onBoot = func() error {
		if f.boots.Load() == 1 {
			return errFake
		}
		return nil
	}
	w := start(t, Config{Runtimes: RuntimeSnapshots{AtFirstUse: true}}, fakeSnapshotter{f})
	if _, err := w.Invoke(context.Background(), request("a")); err == nil {
		t.Error("no error")
	}
	wantPaths(t, w, "boot", "a")
}

func TestOneOfABurstTakesTheSnapshot(t *testing.T) {
	f := newFake(t)
	f.onCapture = func() error { time.Sleep(10 * time.Millisecond); return nil }
	w := start(t, Config{Capture: CaptureInline}, fakeSnapshotter{f})
	ready(t, w)
	done := make(chan Response)
	for range 16 {
		go func() { done <- invoke(t, w, "a") }()
	}
	waited := 0
	for range 16 {
		if r := <-done; r.Stages.Capture > 0 {
			waited++
		}
	}
	if n := f.captures.Load(); n != 2 || waited != 1 {
		t.Errorf("%d captures, the runtime's included; %d replies waited", n, waited)
	}
}

func TestCaptureAfterHoldsNothingOfAnInvocation(t *testing.T) {
	f := newFake(t)
	var ran atomic.Int64
	w := start(t, Config{Idle: Cache{Off: true}}, fakeSnapshotter{f})
	f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
		ran.Add(1)
		return isolation.Result{Outcome: isolation.OK, Payload: []byte("a")}, nil
	}
	ready(t, w)
	if c := invoke(t, w, "a").Stages.Capture; c != 0 {
		t.Errorf("the reply waited %v for the capture", c)
	}
	runtimetest.Eventually(t, "capture", func() bool { return w.Stats().FunctionSnapshots == 1 })
	if ran.Load() != 1 || f.imports.Load() != 2 || f.boots.Load() != 1 {
		t.Errorf("%d runs, %d imports, %d boots", ran.Load(), f.imports.Load(), f.boots.Load())
	}
}

func TestStemCellsAreRefilled(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{StemCells: 3}, f)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		ready(t, w)
		wantPaths(t, w, "cold", name)
	}
	ready(t, w)
	if s := w.Stats(); s.StemCells != 3 || s.Idle != 5 {
		t.Errorf("%+v", s)
	}
}

func TestStemCellIsReplacedAfterItsCall(t *testing.T) {
	f := newFake(t)
	var w *Worker
	var during int
	f.onInvoke = func(*fakeSandbox, isolation.Invocation) (isolation.Result, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		during += w.starters
		return isolation.Result{Outcome: isolation.OK, Payload: []byte("a")}, nil
	}
	w = start(t, Config{StemCells: 1}, f)
	ready(t, w)
	w.mu.Lock()
	w.refillDelay = time.Hour
	w.mu.Unlock()
	wantPaths(t, w, "cold", "a")
	ready(t, w) // the hour is not over, and the call has ended
	if during != 0 || f.boots.Load() != 2 {
		t.Errorf("%d stem cells were started beside the call, %d in all", during, f.boots.Load())
	}
}

func TestStemCellOfALongCallIsReplacedMeanwhile(t *testing.T) {
	f := newFake(t)
	end := make(chan struct{})
	f.onInvoke = func(*fakeSandbox, isolation.Invocation) (isolation.Result, error) {
		<-end
		return isolation.Result{Outcome: isolation.OK}, nil
	}
	w := start(t, Config{StemCells: 1}, f)
	ready(t, w)
	done := background(w, context.Background(), "a")
	runtimetest.Eventually(t, "a second stem cell", func() bool { return f.boots.Load() == 2 })
	ready(t, w)
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.StemCells != 1 {
		t.Errorf("%+v", s)
	}
}

func TestStemCellThatEndedIsReplacedAtOnce(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{StemCells: 1}, f)
	ready(t, w)
	w.mu.Lock()
	w.refillDelay = time.Hour
	w.mu.Unlock()
	f.onImport = func(context.Context, isolation.Function) error {
		if f.imports.Load() == 1 {
			return isolation.ErrUndelivered
		}
		return nil
	}
	invoke(t, w, "a")
	ready(t, w)
	w.mu.Lock()
	defer w.mu.Unlock()
	if lang := w.languages[request("a").Runtime]; lang.postponed != 0 {
		t.Errorf("%d replacements still wait", lang.postponed)
	}
}

func TestStemCellsGiveWayAndEvictNothing(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{StemCells: 1, Sandboxes: 2, Idle: Cache{}}, f)
	ready(t, w)
	wantPaths(t, w, "cold", "a")
	ready(t, w)
	wantPaths(t, w, "cold", "b")
	runtimetest.Eventually(t, "no stem cell is being started", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.starters == 0
	})
	if s := w.Stats(); s.Idle != 2 || s.StemCells != 0 {
		t.Errorf("a stem cell took the place of an idle sandbox: %+v", s)
	}
}

func TestStemCellThatCannotBeStartedIsTriedAgainLater(t *testing.T) {
	f := newFake(t)
	f.onBoot = func() error {
		if f.boots.Load() <= 2 {
			return errFake
		}
		return nil
	}
	w := start(t, Config{StemCells: 1, KeepAlive: 80 * time.Millisecond}, f)
	runtimetest.Eventually(t, "stem cell", func() bool { return w.Stats().StemCells == 1 })
	if f.boots.Load() != 3 {
		t.Errorf("%d boots", f.boots.Load())
	}
}

func TestPausedSandboxIsResumed(t *testing.T) {
	f := newFake(t)
	f.onResume = func() error { time.Sleep(time.Millisecond); return nil }
	w := start(t, Config{PauseAfter: time.Millisecond, Sandboxes: 2}, f)
	paused := func(n int) {
		runtimetest.Eventually(t, "pause", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.paused.n == n })
	}
	invoke(t, w, "a")
	paused(1)
	res := invoke(t, w, "a")
	if res.Path != Hot || res.Stages.Deploy < time.Millisecond {
		t.Errorf("%s, %+v", res.Path, res.Stages)
	}
	invoke(t, w, "b")
	paused(2)
	wantPaths(t, w, "boot hot", "c", "b") // a was idle longest
}

func TestSandboxThatIsJustBeingPausedIsWaitedFor(t *testing.T) {
	f := newFake(t)
	began, finish := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.onPause = func() error { once.Do(func() { close(began) }); <-finish; return nil }
	w := start(t, Config{PauseAfter: time.Millisecond}, f)
	release := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(release) // before the worker's own, which waits for the pause
	invoke(t, w, "a")
	<-began
	done := make(chan Response, 1)
	go func() { done <- invoke(t, w, "a") }()
	runtimetest.Eventually(t, "the sandbox is acquired", func() bool { return w.Stats().Busy == 1 })
	release()
	if res := <-done; res.Path != Hot || res.Stages.Deploy == 0 || f.boots.Load() != 1 {
		t.Errorf("%s, %+v, %d boots", res.Path, res.Stages, f.boots.Load())
	}
}

func TestSandboxThatCannotBeResumedIsReplaced(t *testing.T) {
	f := newFake(t)
	f.onResume = func() error { return errFake }
	w := start(t, Config{PauseAfter: time.Millisecond}, f)
	invoke(t, w, "a")
	runtimetest.Eventually(t, "pause", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.paused.n == 1 })
	wantPaths(t, w, "boot", "a")
}

func TestSandboxThatCannotBePausedIsClosed(t *testing.T) {
	f := newFake(t)
	f.onPause = func() error { return errFake }
	w := start(t, Config{PauseAfter: time.Millisecond}, f)
	invoke(t, w, "a")
	runtimetest.Eventually(t, "discarded", func() bool { return f.count() == 0 })
	wantPaths(t, w, "boot", "a")
}

func TestAFunctionCostsFewBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("65,536 functions")
	}
	const n = 65536
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Off: true}, Capture: CaptureInline}, fakeSnapshotter{f})
	ready(t, w)
	requests := make([]Request, n)
	for i := range requests {
		requests[i] = request(fmt.Sprintf("function-%05d", i))
	}
	before := heapInUse()
	for _, req := range requests {
		if _, err := w.Invoke(context.Background(), req); err != nil {
			t.Fatal(err)
		}
	}
	runtimetest.Eventually(t, "sandboxes closed", func() bool { return w.Stats().Closing == 0 })
	each := (heapInUse() - before) / n
	runtime.KeepAlive(requests) // counted on both sides
	t.Logf("%d bytes for each of %d functions with a snapshot, the fake's own included", each, w.Stats().Functions)
	if each > 1024 {
		t.Errorf("a function takes %d bytes", each)
	}
	if s := w.Stats(); s.Functions != n || s.FunctionSnapshots != n {
		t.Errorf("%+v", s)
	}
	w.Close()
	if s := w.Stats(); s.Functions != 0 {
		t.Errorf("after Close: %+v", s)
	}
}

// invokeMetered invokes with Request.Meter.
func invokeMetered(t *testing.T, w *Worker, name string) {
	t.Helper()
	req := request(name)
	req.Meter = true
	if _, err := w.Invoke(context.Background(), req); err != nil {
		t.Fatal(err)
	}
}
