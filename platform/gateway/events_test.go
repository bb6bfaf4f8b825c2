package gateway

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/worker"
)

func (d *opened) event(t *testing.T) error { return d.eventOf(t, "f") }

func (d *opened) eventOf(t *testing.T, name string) error {
	t.Helper()
	out, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name,
		InvocationType: types.InvocationTypeEvent})
	if err == nil && out.StatusCode != http.StatusAccepted {
		t.Errorf("status %d", out.StatusCode)
	}
	return err
}

func TestEventsAreBoundedAndRunBeforeCloseReturns(t *testing.T) {
	d := open(t, Config{Events: 4})
	d.create(t, "f")
	var ran atomic.Int32
	release := make(chan struct{})
	d.fake.answer = func(context.Context, worker.Request) (worker.Response, error) {
		<-release
		ran.Add(1)
		return worker.Response{}, nil
	}
	for range 4 {
		if err := d.event(t); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.event(t); !is[*types.TooManyRequestsException](err) {
		t.Errorf("the fifth: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	if err := d.gateway.Close(t.Context()); err != nil || ran.Load() != 4 {
		t.Errorf("%d of 4 ran, %v", ran.Load(), err)
	}
	if err := d.event(t); !is[*types.ServiceException](err) {
		t.Errorf("after Close: %v", err)
	}
	if left, err := d.gateway.functions.Events(); err != nil || len(left) > 0 {
		t.Errorf("ended, and still kept: %v, %v", left, err)
	}
}

// TestEventsOfOneFunctionKeepNoOtherWaiting fills one function's queue with
// events that do not end, and another's with events that may not run.
func TestEventsOfOneFunctionKeepNoOtherWaiting(t *testing.T) {
	const limit = 2 * eventsAtOnce
	d := open(t, Config{Events: limit})
	for _, name := range []string{"slow", "throttled", "quick"} {
		d.create(t, name)
	}
	release, done := make(chan struct{}), make(chan struct{})
	var may atomic.Bool
	d.fake.answer = func(_ context.Context, req worker.Request) (worker.Response, error) {
		switch req.Function.Name {
		case "slow":
			<-release
		case "throttled":
			if !may.Load() {
				return worker.Response{}, &dispatch.Throttled{}
			}
		case "quick":
			close(done)
		}
		return worker.Response{}, nil
	}
	for _, name := range []string{"slow", "throttled"} {
		for range limit {
			if err := d.eventOf(t, name); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.eventOf(t, name); !is[*types.TooManyRequestsException](err) {
			t.Errorf("one more of %s: %v", name, err)
		}
	}
	if err := d.eventOf(t, "quick"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("another function's event waits")
	}
	may.Store(true)
	close(release)
	if err := d.gateway.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEventPayloadIsBounded(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	_, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"),
		InvocationType: types.InvocationTypeEvent,
		Payload:        []byte(`"` + strings.Repeat("x", maxEventBytes) + `"`)})
	if !is[*types.RequestTooLargeException](err) {
		t.Errorf("%v", err)
	}
}

func TestThrottledEventIsTriedAgain(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	var calls atomic.Int32
	d.fake.answer = func(context.Context, worker.Request) (worker.Response, error) {
		if calls.Add(1) < 3 {
			return worker.Response{}, &dispatch.Throttled{}
		}
		return worker.Response{}, nil
	}
	if err := d.event(t); err != nil {
		t.Fatal(err)
	}
	if err := d.gateway.Close(t.Context()); err != nil || calls.Load() != 3 {
		t.Errorf("%d attempts, %v", calls.Load(), err)
	}
}

// syncBuffer is a log that two goroutines may use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestEventsThatDidNotEndRunAfterARestart(t *testing.T) {
	log := &syncBuffer{}
	d := open(t, Config{Events: 5, Hooks: door.Hooks{Log: slog.New(slog.NewTextHandler(log, nil))}})
	d.create(t, "f")
	d.fake.answer = func(ctx context.Context, _ worker.Request) (worker.Response, error) {
		<-ctx.Done()
		return worker.Response{}, ctx.Err()
	}
	for range 5 {
		if err := d.event(t); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := d.gateway.Close(ctx); !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "5 asynchronous invocations") {
		t.Errorf("%v", err)
	}
	d.gateway.Wait()
	if !strings.Contains(log.String(), "count=5") {
		t.Errorf("log %s", log)
	}
	again := &fake{limits: map[string]int{}}
	next := New(Config{}, d.store, again)
	if err := next.Restore(); err != nil {
		t.Fatal(err)
	}
	if err := next.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if req, n := again.seen(); n != 5 || req.Function.Name != "f" || string(req.Invocation.Payload) != "{}" {
		t.Errorf("%d ran, the last %+v", n, req)
	}
	if left, err := d.gateway.functions.Events(); err != nil || len(left) > 0 {
		t.Errorf("ended, and still kept: %v, %v", left, err)
	}
}

func TestClientThatGoesAwayEndsItsWait(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	begun, ended := make(chan struct{}), make(chan error, 1)
	d.fake.answer = func(ctx context.Context, _ worker.Request) (worker.Response, error) {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return worker.Response{}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if _, err := d.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"),
		Payload: []byte(`{"a":1}`)}); err == nil {
		t.Error("no error")
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the invocation does not learn that its client is gone")
	}
}
