package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// control is what the platform does to a sandbox from outside.
func (s *suite) control(t *testing.T) {
	t.Run("killed from outside", s.killed)
	t.Run("ends while idle", s.endsIdle)
	t.Run("killed while idle", s.killedIdle)
	t.Run("close during invoke", s.closeDuringInvoke)
	t.Run("cancel during invoke", s.cancelDuringInvoke)
	t.Run("busy", s.busy)
	t.Run("children die with close", s.childrenDie)
	t.Run("sandboxes side by side", s.sideBySide)
	t.Run("stopped while idle", s.stoppedIdle)
	t.Run("pause", s.pause)
	t.Run("reclaim", s.reclaim)
	t.Run("cancelled boot", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if sb, err := s.backend.Boot(ctx, isolation.BootSpec{Interpreter: s.in}); err == nil {
			sb.Close()
			t.Error("boot ignored a cancelled context")
		}
	})
}

// start invokes a case that prints in the background, and returns when the handler
// has printed.
func start(ctx context.Context, t testing.TB, sb isolation.Sandbox, name string) <-chan reply {
	t.Helper()
	done := make(chan reply, 1)
	go func() {
		res, err := sb.Invoke(ctx, invocation(do(name), patience))
		done <- reply{res, err}
	}()
	runtimetest.Eventually(t, "the handler runs", func() bool {
		log, _ := sb.(isolation.Printer).Printed()
		return len(log) > 0
	})
	return done
}

type reply struct {
	res isolation.Result
	err error
}

// await bounds the wait for a reply that has every reason to come at once.
func await(t testing.TB, done <-chan reply) reply {
	t.Helper()
	select {
	case r := <-done:
		return r
	case <-time.After(patience / 2):
		t.Fatal("the invocation hangs")
		return reply{}
	}
}

func (s *suite) killed(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	host := s.hostProcess(t, sb)
	done := start(context.Background(), t, sb, "hang")
	if err := syscall.Kill(host.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r := await(t, done)
	if r.err != nil || r.res.Outcome != isolation.Crashed || r.res.Error.Type != isolation.TypeExit {
		t.Errorf("%+v, %v", r.res, r.err)
	}
	wantGone(t, sb)
}

// hostProcess skips where a sandbox is no process of the host.
func (s *suite) hostProcess(t *testing.T, sb isolation.Sandbox) isolation.HostProcess {
	t.Helper()
	host, ok := sb.(isolation.HostProcess)
	if !ok {
		t.Skipf("a sandbox of %s is no process of the host (no isolation.HostProcess)", s.backend.Name())
	}
	return host
}

// ender is the sandbox as one that notices its own end.
func (s *suite) ender(t *testing.T, sb isolation.Sandbox) isolation.Ender {
	t.Helper()
	e, ok := sb.(isolation.Ender)
	if !ok {
		t.Skipf("a sandbox of %s does not notice its own end (no isolation.Ender)", s.backend.Name())
	}
	select {
	case <-e.Done():
		t.Fatal("the sandbox has ended")
	default:
	}
	if err := e.Cause(); err != nil {
		t.Fatalf("a sandbox that lives has the cause of an end: %v", err)
	}
	return e
}

// wantEnded checks that the end is noticed and told, and that it is not blamed
// on the next call.
func wantEnded(t *testing.T, sb isolation.Sandbox, how string) {
	t.Helper()
	e := sb.(isolation.Ender)
	select {
	case <-e.Done():
	case <-time.After(patience):
		t.Fatal("nobody noticed that the sandbox ended")
	}
	if err := e.Cause(); err == nil || !strings.Contains(err.Error(), how) {
		t.Errorf("the cause is %v, want %q", err, how)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := sb.Invoke(ctx, invocation(do("nothing"), patience))
	if !errors.Is(err, isolation.ErrUndelivered) || !strings.Contains(err.Error(), how) {
		t.Errorf("the next call gave %+v, %v; want ErrUndelivered and %q", res, err, how)
	}
	if err := sb.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// endsIdle has the function end itself when it has replied.
func (s *suite) endsIdle(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	s.ender(t, sb)
	wantResult(t, invoke(t, sb, do("exitLater")), "null")
	how := "exit status 7"
	if s.node() { // its timers stand still: a thread of the function kills the process
		how = "signal: killed"
	}
	wantEnded(t, sb, how)
}

func (s *suite) killedIdle(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	s.ender(t, sb)
	host := s.hostProcess(t, sb)
	if err := syscall.Kill(host.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wantEnded(t, sb, "signal: killed")
}

func (s *suite) closeDuringInvoke(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	done := start(context.Background(), t, sb, "loop")
	if err := sb.Close(); err != nil {
		t.Fatal(err)
	}
	if r := await(t, done); !errors.Is(r.err, isolation.ErrClosed) {
		t.Errorf("invoke gave %+v, %v; want ErrClosed", r.res, r.err)
	}
	if err := sb.Close(); err != nil {
		t.Errorf("the second close: %v", err)
	}
	_, err := sb.Invoke(context.Background(), isolation.Invocation{ID: requestID, Payload: []byte("{}")})
	if !errors.Is(err, isolation.ErrClosed) {
		t.Errorf("invoke after close gave %v", err)
	}
}

func (s *suite) cancelDuringInvoke(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := start(ctx, t, sb, "hang")
	cancel()
	if r := await(t, done); !errors.Is(r.err, context.Canceled) {
		t.Errorf("invoke gave %+v, %v; want context.Canceled", r.res, r.err)
	}
}

func (s *suite) busy(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	done := start(context.Background(), t, sb, "hang")
	_, err := sb.Invoke(context.Background(), isolation.Invocation{ID: requestID, Payload: []byte("{}")})
	if !errors.Is(err, isolation.ErrBusy) {
		t.Errorf("a second invocation gave %v", err)
	}
	sb.Close()
	await(t, done)
}

func (s *suite) childrenDie(t *testing.T) {
	mark := fmt.Sprintf("lambdabench-escape-%d", rand.Uint64())
	sb := s.load(t, s.function("index.handler"))
	res := invoke(t, sb, fmt.Sprintf(`{"do":"escape","mark":%q}`, mark))
	type outcome struct {
		Started bool
		Refused string
	}
	if got := mustSucceed[outcome](t, res); !got.Started {
		t.Skipf("the sandbox refuses children: %s", got.Refused)
	}
	if k, ok := s.backend.(isolation.KernelOwner); ok && k.OwnsKernel() {
		kernelDies(t, sb)
		return
	}
	runtimetest.Eventually(t, "the escaped process appears", func() bool { return len(marked(mark)) > 0 })
	if err := sb.Close(); err != nil {
		t.Fatal(err)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("process %v of a closed sandbox is left", left)
	}
}

// kernelDies: the processes of a function are gone with the kernel that ran them.
func kernelDies(t *testing.T, sb isolation.Sandbox) {
	t.Helper()
	pid := sb.(isolation.HostProcess).PID()
	if err := sb.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the kernel, process %d of a closed sandbox, is left (%v)", pid, err)
	}
}

func (s *suite) sideBySide(t *testing.T) {
	const sandboxes, calls = 3, 20
	var wg sync.WaitGroup
	for i := range sandboxes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			sb, err := s.backend.Boot(ctx, isolation.BootSpec{Interpreter: s.in})
			if err != nil {
				t.Error(err)
				return
			}
			defer sb.Close()
			if err := sb.Import(ctx, s.function("index.handler")); err != nil {
				t.Error(err)
				return
			}
			for n := range calls {
				want := fmt.Sprint(i*1000 + n)
				res, err := sb.Invoke(ctx, invocation(`{"do":"echo","value":`+want+`}`, patience))
				if err != nil || string(res.Payload) != want {
					t.Errorf("%s, %v, %v; want %s", res.Payload, res.Error, err, want)
				}
			}
		})
	}
	wg.Wait()
}

func (s *suite) pause(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	p, ok := sb.(isolation.Pauser)
	if !ok {
		t.Skipf("a sandbox of %s cannot be paused (no isolation.Pauser)", s.backend.Name())
	}
	for range 2 {
		if err := p.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantResult(t, invoke(t, sb, `{"do":"echo","value":"awake"}`), `"awake"`)
	}
	if err := p.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sb.Close(); err != nil {
		t.Errorf("close of a paused sandbox: %v", err)
	}
}

// reclaim: a sandbox whose memory was taken back has lost nothing.
func (s *suite) reclaim(t *testing.T) {
	if idler, ok := s.backend.(isolation.Idler); ok {
		if err := idler.CanReclaim(); err != nil {
			t.Skip(err)
		}
	}
	sb := s.load(t, s.function("index.handler"))
	r, ok := sb.(isolation.Reclaimer)
	if !ok {
		t.Skipf("the memory of a sandbox of %s cannot be taken back (no isolation.Reclaimer)", s.backend.Name())
	}
	p := sb.(isolation.Pauser)
	for range 2 {
		if err := errors.Join(p.Pause(t.Context()), r.Reclaim(), p.Resume(t.Context())); err != nil {
			t.Fatal(err)
		}
		wantResult(t, invoke(t, sb, `{"do":"echo","value":"awake"}`), `"awake"`)
	}
}
