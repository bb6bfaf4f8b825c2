package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is an Invoker that holds its invocations until it is told to end them.
type stage struct {
	mu      sync.Mutex
	running map[string]int
	peak    int
	began   chan string   // each invocation that begins
	end     chan struct{} // ends one
}

func newStage() *stage {
	return &stage{running: map[string]int{}, began: make(chan string, 1000), end: make(chan struct{})}
}

func (s *stage) Invoke(ctx context.Context, req worker.Request) (worker.Response, error) {
	s.mu.Lock()
	s.running[req.Function.ARN]++
	n := 0
	for _, k := range s.running {
		n += k
	}
	s.peak = max(s.peak, n)
	s.mu.Unlock()
	s.began <- req.Function.ARN
	<-s.end
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[req.Function.ARN]--
	return worker.Response{Stages: worker.Stages{Queue: time.Microsecond}}, nil
}

func open(t testing.TB, cfg Config, inv Invoker) *Dispatcher {
	t.Helper()
	d, err := New(cfg, inv)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(arn string) worker.Request {
	return worker.Request{Function: isolation.Function{ARN: arn}}
}

type answer struct {
	res worker.Response
	err error
}

// send invokes in the background, and returns when it runs, waits or is refused.
func send(t testing.TB, d *Dispatcher, ctx context.Context, arn string) chan answer {
	t.Helper()
	before := d.Stats()
	done := make(chan answer, 1)
	go func() {
		res, err := d.Invoke(ctx, request(arn))
		done <- answer{res, err}
	}()
	runtimetest.Eventually(t, "the invocation runs, waits or is refused", func() bool {
		now := d.Stats()
		return now.Running > before.Running || now.Waiting > before.Waiting || now.Throttled > before.Throttled
	})
	return done
}

func expectStats(t *testing.T, d *Dispatcher, running, waiting int) {
	t.Helper()
	if s := d.Stats(); s.Running != running || s.Waiting != waiting {
		t.Fatalf("%d run and %d wait, not %d and %d", s.Running, s.Waiting, running, waiting)
	}
}

func TestFunctionsTakeTurns(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 1}, s)
	ctx := context.Background()
	var all []chan answer
	for _, arn := range []string{"a", "a", "a", "a", "b", "c", "b"} {
		all = append(all, send(t, d, ctx, arn))
	}
	order := ""
	for range all {
		order += <-s.began
		s.end <- struct{}{}
	}
	if order != "aabcaba" {
		t.Errorf("the order was %s", order)
	}
	for i, c := range all {
		a := <-c
		if a.err != nil || (a.res.Stages.Queue > time.Microsecond) != (i > 0) {
			t.Errorf("invocation %d: %+v, %v", i, a.res.Stages, a.err)
		}
	}
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("left: %+v", s)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 1, Queue: 2}, s)
	ctx := context.Background()
	var all []chan answer
	for range 3 {
		all = append(all, send(t, d, ctx, "a"))
	}
	other := send(t, d, ctx, "b") // its queue is its own
	a := <-send(t, d, ctx, "a")
	var th *Throttled
	if !errors.As(a.err, &th) || !errors.Is(a.err, ErrThrottled) || th.Reason != ReasonTotal || th.Waited ||
		th.Function != "a" {
		t.Errorf("%v", a.err)
	}
	for range 4 {
		s.end <- struct{}{}
	}
	for _, c := range append(all, other) {
		if a := <-c; a.err != nil {
			t.Error(a.err)
		}
	}
	if s := d.Stats(); s != (Stats{Throttled: 1}) {
		t.Errorf("left: %+v", s)
	}
}

func TestNoQueueRefusesAtOnce(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 1, NoQueue: true}, s)
	first := send(t, d, context.Background(), "a")
	if a := <-send(t, d, context.Background(), "b"); !errors.Is(a.err, ErrThrottled) {
		t.Error(a.err)
	}
	s.end <- struct{}{}
	<-first
}

func TestWaitIsBounded(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 1, Wait: 10 * time.Millisecond}, s)
	first := send(t, d, context.Background(), "a")
	a := <-send(t, d, context.Background(), "a")
	var th *Throttled
	if !errors.As(a.err, &th) || !th.Waited || a.res.Stages.Queue < 10*time.Millisecond {
		t.Errorf("%+v, %v", a.res.Stages, a.err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gone := send(t, d, ctx, "b")
	cancel()
	if a := <-gone; !errors.Is(a.err, context.Canceled) {
		t.Error(a.err)
	}
	expectStats(t, d, 1, 0)
	s.end <- struct{}{}
	<-first
	if n := d.Stats().Functions; n != 0 {
		t.Errorf("%d functions left", n)
	}
}

func TestReservedConcurrencyLimitsAndKeepsPlaces(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 4}, s)
	ctx := context.Background()
	if err := d.Reserve("r", 2); err != nil {
		t.Fatal(err)
	}
	var all []chan answer
	for range 3 {
		all = append(all, send(t, d, ctx, "a"))
	}
	expectStats(t, d, 2, 1) // two places are kept for r
	for range 3 {
		all = append(all, send(t, d, ctx, "r"))
	}
	expectStats(t, d, 4, 2) // and it gets no more than those
	d.Unreserve("r")
	expectStats(t, d, 4, 2)
	for range all {
		s.end <- struct{}{}
	}
	for _, c := range all {
		if a := <-c; a.err != nil {
			t.Error(a.err)
		}
	}
	if s.peak != 4 {
		t.Errorf("%d at a time", s.peak)
	}
	if st := d.Stats(); st != (Stats{}) {
		t.Errorf("left: %+v", st)
	}
}

func TestReservationOfNothingLetsNothingRun(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 1}, s)
	first := send(t, d, context.Background(), "b")
	waits := send(t, d, context.Background(), "a")
	if err := d.Reserve("a", 0); err != nil {
		t.Fatal(err)
	}
	var th *Throttled
	for _, c := range []chan answer{waits, send(t, d, context.Background(), "a")} {
		if a := <-c; !errors.As(a.err, &th) || th.Reason != ReasonFunction {
			t.Error(a.err)
		}
	}
	s.end <- struct{}{}
	<-first
}

func TestReservationsLeavePlacesForOthers(t *testing.T) {
	d := open(t, Config{Concurrency: 20}, newStage())
	for _, step := range []struct {
		arn string
		n   int
		ok  bool
	}{{"a", 10, true}, {"b", 9, false}, {"b", 8, true}, {"a", 11, false}, {"a", 5, true}, {"b", 13, true},
		{"c", -1, false}} {
		if err := d.Reserve(step.arn, step.n); (err == nil) != step.ok || err != nil && !errors.Is(err, ErrReserve) {
			t.Errorf("reserve %d for %s: %v", step.n, step.arn, err)
		}
	}
	if n, ok := d.Reserved("a"); n != 5 || !ok {
		t.Error(n, ok)
	}
	if _, ok := d.Reserved("c"); ok || d.Stats().Reserved != 18 {
		t.Error(d.Stats())
	}
}

func TestCloseRefusesWhatWaits(t *testing.T) {
	s := newStage()
	d := open(t, Config{Concurrency: 1}, s)
	first := send(t, d, context.Background(), "a")
	second := send(t, d, context.Background(), "a")
	d.Close()
	if a := <-second; !errors.Is(a.err, ErrClosed) {
		t.Error(a.err)
	}
	if _, err := d.Invoke(context.Background(), request("a")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	s.end <- struct{}{}
	if a := <-first; a.err != nil {
		t.Error(a.err)
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	for _, cfg := range []Config{{Concurrency: -1}, {Queue: -1}, {Wait: -1}, {Queue: 1, NoQueue: true}} {
		if _, err := New(cfg, newStage()); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// counter is an Invoker that counts what runs.
type counter struct{ now, peak, done atomic.Int64 }

func (c *counter) Invoke(ctx context.Context, req worker.Request) (worker.Response, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for p := c.peak.Load(); n > p && !c.peak.CompareAndSwap(p, n); p = c.peak.Load() {
	}
	time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
	c.done.Add(1)
	return worker.Response{}, nil
}

func TestLimitsHoldUnderRandomLoad(t *testing.T) {
	c := &counter{}
	d := open(t, Config{Concurrency: 10, Queue: 3, Wait: time.Millisecond}, c)
	if err := d.Reserve("f0", 2); err != nil {
		t.Fatal(err)
	}
	var ok, refused atomic.Int64
	var clients sync.WaitGroup
	for range 40 {
		clients.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(context.Background())
				if rand.IntN(10) == 0 {
					time.AfterFunc(50*time.Microsecond, cancel)
				}
				_, err := d.Invoke(ctx, request(fmt.Sprint("f", rand.IntN(8))))
				cancel()
				if err == nil {
					ok.Add(1)
				} else if errors.Is(err, ErrThrottled) || errors.Is(err, context.Canceled) {
					refused.Add(1)
				} else {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	if c.peak.Load() > 10 || ok.Load() != c.done.Load() || ok.Load()+refused.Load() != 8000 || refused.Load() == 0 {
		t.Errorf("%d at a time, %d ok, %d ran, %d refused", c.peak.Load(), ok.Load(), c.done.Load(), refused.Load())
	}
	d.Unreserve("f0")
	if s := d.Stats(); s.Running != 0 || s.Waiting != 0 || s.Functions != 0 || s.Reserved != 0 {
		t.Errorf("left: %+v", s)
	}
	if d.shared != 0 || d.turns.Len() != 0 {
		t.Errorf("%d shared places, %d turns left", d.shared, d.turns.Len())
	}
}

// nothing is an Invoker that answers at once.
type nothing struct{}

func (nothing) Invoke(context.Context, worker.Request) (worker.Response, error) {
	return worker.Response{}, nil
}

func BenchmarkInvoke(b *testing.B) {
	d := open(b, Config{}, nothing{})
	req := request("a")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Invoke(context.Background(), req); err != nil {
			b.Fatal(err)
		}
	}
}
