package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// TestInvariantsUnderRandomLoad lets everything happen at the same time:
// failures at every stage, slow closings, cancelled clients, forgotten
// functions, pauses and expiry. The fake backend fails the test when two calls
// meet in one sandbox, a sandbox or a snapshot is closed twice, a closed
// snapshot is deployed, or anything is left after Close.
func TestInvariantsUnderRandomLoad(t *testing.T) {
	for _, snapshots := range []bool{false, true} {
		for _, cfg := range []Config{
			{Sandboxes: 6, Closing: 3, StemCells: 2, KeepAlive: 40 * time.Millisecond,
				PauseAfter: 10 * time.Millisecond},
			{Sandboxes: 3, Closing: 1, Capture: CaptureInline, Functions: Cache{Count: 5}, Idle: Cache{Count: 2}},
			{Sandboxes: 20, Closing: 2, StemCells: 5, Starters: 3, Idle: Cache{Bytes: 9 << 20},
				Functions: Cache{Bytes: 4000}},
			{Sandboxes: 4, Idle: Cache{Off: true}, Runtimes: RuntimeSnapshots{AtFirstUse: true},
				PlaceWait: time.Millisecond},
		} {
			t.Run(fmt.Sprintf("snapshots=%v/sandboxes=%d", snapshots, cfg.Sandboxes), func(t *testing.T) {
				stress(t, cfg, snapshots)
			})
		}
	}
}

// TestCloseUnderRandomLoad ends a worker in the middle of all that.
func TestCloseUnderRandomLoad(t *testing.T) {
	for i := range 20 {
		f := newFake(t)
		misbehave(f, uint64(i))
		w := start(t, Config{Sandboxes: 6, Closing: 3, StemCells: 2, PauseAfter: 10 * time.Millisecond},
			fakeSnapshotter{f})
		var clients sync.WaitGroup
		for j := range 8 {
			clients.Go(func() { client(t, w, rand.New(rand.NewPCG(uint64(i), uint64(j)))) })
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		f.nothingLeft()
		clients.Wait()
		if s := w.Stats(); s.Starting+s.Busy+s.Idle+s.StemCells+s.Closing+s.Waiting+s.Functions != 0 {
			t.Errorf("after Close: %+v", s)
		}
	}
}

func stress(t *testing.T, cfg Config, snapshots bool) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := newFake(t)
	misbehave(f, seed)
	var b isolation.Backend = f
	extra := 0 // beyond Sandboxes and Closing
	if snapshots {
		b, extra = fakeSnapshotter{f}, 2
	}
	w := start(t, cfg, b)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { watchBounds(t, w, stop) })
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() { client(t, w, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	clients.Wait()
	close(stop)
	watch.Wait()
	f.mu.Lock()
	peak := f.peak
	f.mu.Unlock()
	if limit := w.cfg.Sandboxes + w.cfg.Closing + extra; peak > limit {
		t.Errorf("%d sandboxes at a time, the limit is %d", peak, limit)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Starting+s.Busy+s.Idle+s.StemCells+s.Closing+s.Waiting+s.Functions != 0 || s.IdleBytes != 0 ||
		s.SnapshotBytes != 0 {
		t.Errorf("after Close: %+v", s)
	}
}

// misbehave makes every call of the backend fail or dawdle now and then.
func misbehave(f *fake, seed uint64) {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 99))
	roll := func(n int) bool { mu.Lock(); defer mu.Unlock(); return rng.IntN(n) == 0 }
	sometimes := func(n int) error {
		if roll(8) {
			time.Sleep(time.Duration(rand.IntN(400)) * time.Microsecond)
		}
		if roll(n) {
			return errFake
		}
		return nil
	}
	f.onBoot = func() error { return sometimes(20) }
	f.onCapture = func() error { return sometimes(20) }
	f.onDeploy = func(string) error { return sometimes(20) }
	f.onPause = func() error { return sometimes(20) }
	f.onResume = func() error { return sometimes(20) }
	f.onClose = func() { _ = sometimes(1) }
	f.onImport = func(context.Context, isolation.Function) error {
		if err := sometimes(20); err != nil {
			return err
		}
		if roll(20) {
			return &isolation.FunctionError{Type: isolation.TypeSyntax}
		}
		return nil
	}
	f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
		if err := sometimes(30); err != nil {
			return isolation.Result{}, err
		}
		if roll(20) {
			return isolation.Result{Outcome: isolation.Crashed}, nil
		}
		if roll(30) {
			sb.end()
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(sb.function)}, nil
	}
}

func client(t *testing.T, w *Worker, rng *rand.Rand) {
	for range 400 {
		name := fmt.Sprint("f", rng.IntN(12))
		req := request(name)
		req.Revision = fmt.Sprint(rng.IntN(2))
		req.Meter = rng.IntN(10) == 0
		ctx, cancel := context.WithCancel(context.Background())
		if rng.IntN(10) == 0 {
			time.AfterFunc(time.Duration(rng.IntN(500))*time.Microsecond, cancel)
		}
		res, err := w.Invoke(ctx, req)
		cancel()
		switch {
		case err == nil && res.Outcome == isolation.OK && string(res.Payload) != name:
			t.Errorf("invoked %s, %s answered", name, res.Payload)
		case err != nil && !errors.Is(err, errFake) && !errors.Is(err, errStale) && !errors.Is(err, context.Canceled) &&
			!errors.Is(err, ErrNoPlace) && !errors.Is(err, ErrClosed):
			t.Errorf("unexpected error: %v", err)
		}
		if rng.IntN(40) == 0 {
			w.Forget("arn:"+name, "")
		}
	}
}

// watchBounds checks the books against the bounds while they change.
func watchBounds(t *testing.T, w *Worker, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Microsecond):
		}
		s := w.Stats()
		if n := s.Starting + s.Busy + s.Idle + s.StemCells; n > w.cfg.Sandboxes {
			t.Errorf("%d places taken of %d: %+v", n, w.cfg.Sandboxes, s)
		}
		if s.Idle > w.cfg.Idle.Count || s.FunctionSnapshots > w.cfg.Functions.Count ||
			s.IdleBytes > int64(w.cfg.Idle.Bytes) || s.SnapshotBytes > int64(w.cfg.Functions.Bytes) {
			t.Errorf("a cache is over its bounds: %+v", s)
		}
	}
}
