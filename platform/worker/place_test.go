package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// gate holds invocations back until it is opened.
type gate struct{ open chan struct{} }

func hold(f *fake) gate {
	g := gate{make(chan struct{})}
	f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
		<-g.open
		if sb.closed.Load() {
			return isolation.Result{Outcome: isolation.Crashed}, nil
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(sb.function)}, nil
	}
	return g
}

func background(w *Worker, ctx context.Context, name string) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := w.Invoke(ctx, request(name))
		done <- err
	}()
	return done
}

func waiting(t *testing.T, w *Worker, n int) {
	t.Helper()
	runtimetest.Eventually(t, fmt.Sprint(n, " wait"), func() bool { return w.Stats().Waiting == n })
}

func TestInvocationWaitsForAPlace(t *testing.T) {
	f := newFake(t)
	g := hold(f)
	w := start(t, Config{Sandboxes: 1}, f)
	ctx := context.Background()
	first := background(w, ctx, "a")
	runtimetest.Eventually(t, "busy", func() bool { return w.Stats().Busy == 1 })
	second := make(chan Response, 1)
	go func() { second <- invoke(t, w, "b") }()
	waiting(t, w, 1)
	close(g.open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if res := <-second; res.Path != Boot || res.Stages.Queue == 0 {
		t.Errorf("%s, %+v", res.Path, res.Stages)
	}
	if f.peak > 1+w.cfg.Closing {
		t.Errorf("%d sandboxes at a time", f.peak)
	}
}

func TestWaiterOfTheSameFunctionGetsTheSandbox(t *testing.T) {
	f := newFake(t)
	g := hold(f)
	w := start(t, Config{Sandboxes: 1}, f)
	first := background(w, context.Background(), "a")
	runtimetest.Eventually(t, "busy", func() bool { return w.Stats().Busy == 1 })
	second := make(chan Response, 1)
	go func() { second <- invoke(t, w, "a") }()
	waiting(t, w, 1)
	close(g.open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if res := <-second; res.Path != Hot || f.boots.Load() != 1 {
		t.Errorf("%s after %d boots", res.Path, f.boots.Load())
	}
}

func TestNoFunctionWaitsForEverBehindABusyOne(t *testing.T) {
	f := newFake(t)
	var mu sync.Mutex
	var order []string
	var all sync.WaitGroup
	f.onImport = func(ctx context.Context, fn isolation.Function) error {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, fn.Name)
		return nil
	}
	w := start(t, Config{Sandboxes: 1}, f)
	g := hold(f)
	first := background(w, context.Background(), "busy")
	runtimetest.Eventually(t, "the busy function is imported", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(order) == 1
	})
	order = nil // what follows counts
	all.Go(func() { invoke(t, w, "patient") })
	waiting(t, w, 1)
	for i := range 3 * maxPassed {
		all.Go(func() {
			invoke(t, w, "busy")
			mu.Lock()
			defer mu.Unlock()
			order = append(order, "busy run")
		})
		waiting(t, w, 2+i)
	}
	close(g.open)
	all.Wait()
	<-first
	for i, what := range order {
		if what == "patient" {
			if i > maxPassed+1 {
				t.Errorf("it was passed over %d times", i)
			}
			return
		}
	}
	t.Error("it never ran")
}

func TestWaitEndsWithTheContextAndAfterPlaceWait(t *testing.T) {
	f := newFake(t)
	g := hold(f)
	w := start(t, Config{Sandboxes: 1, PlaceWait: 3 * time.Second}, f)
	first := background(w, context.Background(), "a")
	runtimetest.Eventually(t, "busy", func() bool { return w.Stats().Busy == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	second := background(w, ctx, "b")
	waiting(t, w, 1)
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if res, err := w.Invoke(context.Background(), request("c")); !errors.Is(err, ErrNoPlace) ||
		res.Stages.Queue < w.cfg.PlaceWait {
		t.Errorf("%+v, %v", res.Stages, err)
	}
	close(g.open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Functions != 1 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFunctionRunsOnWhenItsClientGoesAway(t *testing.T) {
	f := newFake(t)
	g := hold(f)
	w := start(t, Config{}, f)
	ctx, cancel := context.WithCancel(context.Background())
	done := background(w, ctx, "a")
	runtimetest.Eventually(t, "busy", func() bool { return w.Stats().Busy == 1 })
	cancel()
	close(g.open)
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantPaths(t, w, "hot", "a")
}

func TestSlowClosingHoldsBackEvictions(t *testing.T) {
	f := newFake(t)
	open := make(chan struct{})
	f.onClose = func() { <-open }
	w := start(t, Config{Sandboxes: 1, Closing: 2}, f)
	release := sync.OnceFunc(func() { close(open) })
	t.Cleanup(release)
	wantPaths(t, w, "boot boot boot", "a", "b", "c")
	fourth := background(w, context.Background(), "d")
	waiting(t, w, 1)
	if n := f.count(); n != 3 {
		t.Errorf("%d sandboxes", n)
	}
	release()
	if err := <-fourth; err != nil {
		t.Error(err)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	for _, snapshots := range []bool{false, true} {
		f := newFake(t)
		f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
			<-sb.gone
			return isolation.Result{Outcome: isolation.Crashed}, nil
		}
		f.onBoot = func() error { time.Sleep(2 * time.Millisecond); return nil }
		var b isolation.Backend = f
		if snapshots {
			b = fakeSnapshotter{f}
		}
		w := start(t, Config{Sandboxes: 4, StemCells: 1}, b)
		var done []chan error
		for i := range 8 {
			done = append(done, background(w, context.Background(), fmt.Sprint("f", i)))
		}
		waiting(t, w, 4)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		for _, d := range done {
			if err := <-d; !errors.Is(err, ErrClosed) {
				t.Errorf("an invocation that Close ended got %v", err)
			}
		}
		f.nothingLeft()
		if s := w.Stats(); s.Starting+s.Busy+s.Idle+s.Closing+s.StemCells+s.Functions != 0 {
			t.Errorf("%+v", s)
		}
		if _, err := w.Invoke(context.Background(), request("a")); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestDrainLetsWhatRunsFinish(t *testing.T) {
	f := newFake(t)
	g := hold(f)
	w := start(t, Config{Sandboxes: 1}, f)
	runs := background(w, context.Background(), "a")
	runtimetest.Eventually(t, "busy", func() bool { return w.Stats().Busy == 1 })
	waits := background(w, context.Background(), "b")
	waiting(t, w, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if err := w.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain returned %v while one runs", err)
	}
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Errorf("what waited got %v", err)
	}
	close(g.open)
	if err := w.Drain(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-runs; err != nil {
		t.Error(err)
	}
}

func TestCloseReportsWhatCouldNotBeClosed(t *testing.T) {
	f := newFake(t)
	w, err := New(Config{}, stubborn{f}, []isolation.Interpreter{node})
	if err != nil {
		t.Fatal(err)
	}
	invoke(t, w, "a")
	if err := w.Close(); !errors.Is(err, errFake) {
		t.Errorf("Close returned %v", err)
	}
}

// stubborn is a backend whose sandboxes cannot be closed.
type stubborn struct{ *fake }

func (s stubborn) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	sb, err := s.fake.Boot(ctx, spec)
	return unclosable{sb}, err
}

type unclosable struct{ isolation.Sandbox }

func (unclosable) Close() error { return errFake }
