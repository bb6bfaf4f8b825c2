package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// fake is an isolation backend in memory that watches how it is used.
type fake struct {
	t testing.TB

	// What it does; nil does the obvious.
	onBoot    func() error
	onImport  func(ctx context.Context, fn isolation.Function) error
	onInvoke  func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error)
	onClose   func()
	onCapture func() error
	onDeploy  func(function string) error
	onPause   func() error
	onResume  func() error
	onYield   func(on bool) error
	memory    func(sb *fakeSandbox) int64

	boots, deploys, imports, captures, usages atomic.Int64

	mu        sync.Mutex
	live      map[*fakeSandbox]bool
	peak      int
	snapshots map[*fakeSnapshot]bool
}

// fakeSnapshotter is a fake that takes snapshots.
type fakeSnapshotter struct{ *fake }

func newFake(t testing.TB) *fake {
	return &fake{t: t, live: map[*fakeSandbox]bool{}, snapshots: map[*fakeSnapshot]bool{}}
}

func (f *fake) Name() string                { return "fake" }
func (f *fake) Probe(context.Context) error { return nil }
func (f *fake) Close() error                { return nil }

func (f *fake) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	f.boots.Add(1)
	if f.onBoot != nil {
		if err := f.onBoot(); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return f.add(""), nil
}

func (f *fake) add(function string) *fakeSandbox {
	sb := &fakeSandbox{f: f, function: function, gone: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[sb] = true
	f.peak = max(f.peak, len(f.live))
	return sb
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live)
}

// nothingLeft fails the test when the worker left something behind.
func (f *fake) nothingLeft() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.live) > 0 || len(f.snapshots) > 0 {
		f.t.Errorf("left behind: %d sandboxes, %d snapshots", len(f.live), len(f.snapshots))
	}
}

func (f fakeSnapshotter) Capture(ctx context.Context, s isolation.Sandbox) (isolation.Snapshot, error) {
	f.captures.Add(1)
	if f.onCapture != nil {
		if err := f.onCapture(); err != nil {
			return nil, err
		}
	}
	snap := &fakeSnapshot{f: f.fake, function: s.(*fakeSandbox).function, size: 1000}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snapshots[snap] = true
	return snap, nil
}

func (f fakeSnapshotter) Deploy(
	ctx context.Context, s isolation.Snapshot, spec isolation.DeploySpec,
) (isolation.Sandbox, error) {
	f.deploys.Add(1)
	snap := s.(*fakeSnapshot)
	if f.onDeploy != nil {
		if err := f.onDeploy(snap.function); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	open := f.snapshots[snap]
	f.mu.Unlock()
	if !open {
		f.t.Error("deployed a closed snapshot")
	}
	return f.add(snap.function), nil
}

type fakeSnapshot struct {
	f        *fake
	function string
	size     int64
}

func (s *fakeSnapshot) Size() int64                { return s.size }
func (s *fakeSnapshot) Parent() isolation.Snapshot { return nil }
func (s *fakeSnapshot) Close() error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if !s.f.snapshots[s] {
		s.f.t.Error("snapshot closed twice")
	}
	delete(s.f.snapshots, s)
	return nil
}

type fakeSandbox struct {
	f        *fake
	function string
	busy     atomic.Bool
	paused   atomic.Bool
	closed   atomic.Bool
	stopped  atomic.Bool
	gone     chan struct{}
	once     sync.Once
	runs     int
}

func (s *fakeSandbox) enter(what string) func() {
	if !s.busy.CompareAndSwap(false, true) {
		s.f.t.Errorf("%s: two calls in one sandbox", what)
	}
	if s.paused.Load() {
		s.f.t.Errorf("%s in a paused sandbox", what)
	}
	return func() { s.busy.Store(false) }
}

func (s *fakeSandbox) Import(ctx context.Context, fn isolation.Function) error {
	defer s.enter("import")()
	s.f.imports.Add(1)
	if s.function != "" {
		s.f.t.Errorf("imported %s over %s", fn.Name, s.function)
	}
	if s.f.onImport != nil {
		if err := s.f.onImport(ctx, fn); err != nil {
			return err
		}
	}
	s.function = fn.Name
	return nil
}

func (s *fakeSandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	defer s.enter("invoke")()
	s.runs++
	if s.closed.Load() {
		return isolation.Result{}, isolation.ErrClosed
	}
	if s.f.onInvoke != nil {
		return s.f.onInvoke(s, inv)
	}
	return isolation.Result{Outcome: isolation.OK, Payload: []byte(s.function)}, nil
}

func (s *fakeSandbox) Usage() (isolation.Usage, error) {
	s.f.usages.Add(1)
	if s.closed.Load() {
		return isolation.Usage{}, isolation.ErrClosed
	}
	if s.f.memory != nil {
		return isolation.Usage{MemoryBytes: s.f.memory(s), PeakBytes: 2 * s.f.memory(s)}, nil
	}
	return isolation.Usage{MemoryBytes: 1 << 20}, nil
}

func (s *fakeSandbox) Pause(ctx context.Context) error {
	if s.f.onPause != nil {
		if err := s.f.onPause(); err != nil {
			return err
		}
	}
	s.paused.Store(true)
	return nil
}

func (s *fakeSandbox) Resume(ctx context.Context) error {
	if s.f.onResume != nil {
		if err := s.f.onResume(); err != nil {
			return err
		}
	}
	if !s.paused.CompareAndSwap(true, false) {
		s.f.t.Error("resumed a sandbox that is not paused")
	}
	return nil
}

func (s *fakeSandbox) Yield(on bool) error {
	if s.f.onYield != nil {
		return s.f.onYield(on)
	}
	return nil
}

func (s *fakeSandbox) Done() <-chan struct{} { return s.gone }

func (s *fakeSandbox) Stopped() bool { return s.stopped.Load() }

func (s *fakeSandbox) Cause() error { return errFake }

func (s *fakeSandbox) end() { s.once.Do(func() { close(s.gone) }) }

func (s *fakeSandbox) Close() error {
	if s.f.onClose != nil {
		s.f.onClose()
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if !s.closed.CompareAndSwap(false, true) {
		s.f.t.Error("sandbox closed twice")
		return nil
	}
	s.end()
	delete(s.f.live, s)
	return nil
}

// The rest is shorthand of the tests.

var errFake = errors.New("fake failure")

var node = isolation.Interpreter{Runtime: "nodejs20.x", Language: isolation.NodeJS}

func start(t testing.TB, cfg Config, f isolation.Backend) *Worker {
	t.Helper()
	w, err := New(cfg, f, []isolation.Interpreter{node})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		switch f := f.(type) {
		case *fake:
			f.nothingLeft()
		case fakeSnapshotter:
			f.nothingLeft()
		}
	})
	return w
}

func request(name string) Request {
	return Request{Runtime: node.Runtime, Function: isolation.Function{Name: name, ARN: "arn:" + name,
		Version: "$LATEST"},
		Invocation: isolation.Invocation{ID: "id-" + name}}
}

// invoke runs one invocation that must be served.
func invoke(t testing.TB, w *Worker, name string) Response {
	t.Helper()
	res, err := w.Invoke(context.Background(), request(name))
	if err != nil {
		t.Fatalf("invoke %s: %v", name, err)
	}
	if res.Outcome == isolation.OK && string(res.Payload) != name {
		t.Fatalf("invoked %s, %s answered", name, res.Payload)
	}
	return res
}

// paths invokes the functions one after the other and returns their paths.
func paths(t testing.TB, w *Worker, names ...string) string {
	t.Helper()
	s := ""
	for _, n := range names {
		s += fmt.Sprint(invoke(t, w, n).Path, " ")
	}
	return s[:len(s)-1]
}

func wantPaths(t testing.TB, w *Worker, want string, names ...string) {
	t.Helper()
	if got := paths(t, w, names...); got != want {
		t.Errorf("paths of %v are %s, not %s", names, got, want)
	}
}

func ready(t testing.TB, w *Worker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}
