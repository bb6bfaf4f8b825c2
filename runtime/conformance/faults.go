package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// faults are what befalls one sandbox while others work: it costs the call that
// is in flight there, and no other.
func (s *suite) faults(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		t.Run(sig.String(), func(t *testing.T) { s.faultUnderLoad(t, sig) })
	}
}

const (
	underLoad = 3               // callers, each with a sandbox of its own
	timely    = 5 * time.Second // bounds a call: a stopped sandbox answers none
)

// caller calls without a pause, and gets itself another sandbox where one ended.
type caller struct {
	sb     atomic.Pointer[isolation.Sandbox]
	served atomic.Int64
	failed atomic.Int64
	why    atomic.Value // string: of the last call that failed
}

func (s *suite) faultUnderLoad(t *testing.T, sig syscall.Signal) {
	s.hostProcess(t, s.boot(t, isolation.Limits{}))
	ctx, stop := context.WithCancel(context.Background())
	callers := make([]caller, underLoad)
	var wg sync.WaitGroup
	defer func() { stop(); wg.Wait() }()
	for i := range callers {
		wg.Go(func() { s.callOn(ctx, t, &callers[i]) })
	}
	serveAll(t, callers)
	victim := *callers[0].sb.Load()
	if err := syscall.Kill(victim.(isolation.HostProcess).PID(), sig); err != nil {
		t.Fatal(err)
	}
	serveAll(t, callers)
	stop()
	wg.Wait()
	for i := range callers {
		bound := int64(0)
		if i == 0 {
			bound = 1
		}
		if n := callers[i].failed.Load(); n > bound {
			t.Errorf("caller %d of the sandbox that got %v, or beside it: %d failed calls, the last: %v",
				i, sig, n, callers[i].why.Load())
		}
	}
}

// serveAll waits until every caller was served a few times more.
func serveAll(t *testing.T, callers []caller) {
	t.Helper()
	end := time.Now().Add(patience)
	for i := range callers {
		for want := callers[i].served.Load() + 5; callers[i].served.Load() < want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("caller %d is not served any more: %v", i, callers[i].why.Load())
			}
		}
	}
}

func (s *suite) callOn(ctx context.Context, t *testing.T, c *caller) {
	for ctx.Err() == nil {
		sb, err := s.backend.Boot(ctx, isolation.BootSpec{Interpreter: s.in})
		if err == nil {
			err = sb.Import(ctx, s.function("index.handler"))
			c.sb.Store(&sb)
		}
		for err == nil && ctx.Err() == nil {
			err = c.call(sb)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, isolation.ErrUndelivered) {
			c.failed.Add(1)
			c.why.Store(err.Error())
		}
		if sb != nil {
			if err := sb.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

func (c *caller) call(sb isolation.Sandbox) error {
	res, err := sb.Invoke(context.Background(), isolation.Invocation{
		ID: requestID, Payload: []byte(`{"do":"echo","value":"here"}`), Deadline: time.Now().Add(timely),
	})
	switch {
	case err != nil:
		return err
	case res.Outcome != isolation.OK:
		return res.Error
	case string(res.Payload) != `"here"`:
		return fmt.Errorf("reply %s", res.Payload)
	}
	c.served.Add(1)
	return nil
}
