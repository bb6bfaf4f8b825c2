package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPathsFollowFromWhatIsKept(t *testing.T) {
	off := Cache{Off: true}
	for _, test := range []struct {
		name      string
		snapshots bool
		cfg       Config
		want      string // of a a b a
	}{
		{"process", false, Config{}, "boot hot boot hot"},
		{"process, nothing kept", false, Config{Idle: off}, "boot boot boot boot"},
		{"process, stem cells", false, Config{StemCells: 4}, "cold hot cold hot"},
		{"process, stem cells alone", false, Config{StemCells: 4, Idle: off}, "cold cold cold cold"},
		{"snapshots inline", true, Config{Capture: CaptureInline, Idle: off}, "cold warm cold warm"},
		{"snapshots and idle", true, Config{Capture: CaptureInline}, "cold hot cold hot"},
		{"snapshots after", true, Config{Idle: off}, "cold warm cold warm"},
		{"capture off", true, Config{Capture: CaptureOff, Idle: off}, "cold cold cold cold"},
		{"no function snapshots", true, Config{Functions: off, Idle: off}, "cold cold cold cold"},
		{"no runtime snapshots", true, Config{Runtimes: RuntimeSnapshots{Off: true}, Capture: CaptureInline, Idle: off},
			"boot warm boot warm"},
		{"snapshots with stem cells", true, Config{StemCells: 4, Capture: CaptureInline, Idle: off},
			"cold warm cold warm"},
		{"at first use", true, Config{Runtimes: RuntimeSnapshots{AtFirstUse: true}, Idle: off}, "boot warm cold warm"},
		{"nothing at all", true, Config{Idle: off, Functions: off, Runtimes: RuntimeSnapshots{Off: true}},
			"boot boot boot boot"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			var b isolation.Backend = f
			if test.snapshots {
				b = fakeSnapshotter{f}
			}
			w := start(t, test.cfg, b)
			ready(t, w)
			var got []string
			for _, name := range []string{"a", "a", "b", "a"} {
				got = append(got, string(invoke(t, w, name).Path))
				runtimetest.Eventually(t, "captures done", func() bool {
					w.mu.Lock()
					defer w.mu.Unlock()
					return !w.capturer
				})
				ready(t, w)
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("paths are %s, not %s", s, test.want)
			}
		})
	}
}

func TestStagesAreThoseThatHappened(t *testing.T) {
	f := newFake(t)
	pause := func() error { time.Sleep(time.Millisecond); return nil }
	f.onCapture = pause
	f.onDeploy = func(string) error { return pause() }
	f.onImport = func(context.Context, isolation.Function) error { return pause() }
	w := start(t, Config{Capture: CaptureInline, Idle: Cache{Off: true}}, fakeSnapshotter{f})
	ready(t, w)
	cold, warm := invoke(t, w, "a").Stages, invoke(t, w, "a").Stages
	if cold.Deploy == 0 || cold.Import == 0 || cold.Capture == 0 || cold.Run == 0 || cold.Boot != 0 || cold.Queue != 0 {
		t.Errorf("cold: %+v", cold)
	}
	if warm.Deploy == 0 || warm.Run == 0 || warm.Import != 0 || warm.Capture != 0 || warm.Boot != 0 {
		t.Errorf("warm: %+v", warm)
	}
}

func TestRevisionSeparatesOldCodeFromNew(t *testing.T) {
	w := start(t, Config{}, newFake(t))
	old, changed := request("a"), request("a")
	old.Revision, changed.Revision = "1", "2"
	for i, want := range []Path{Boot, Boot, Hot, Hot} {
		res, err := w.Invoke(context.Background(), []Request{old, changed}[i%2])
		if err != nil || res.Path != want {
			t.Errorf("invocation %d took %s, %v; not %s", i, res.Path, err, want)
		}
	}
}

func TestForgetLeavesNothing(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Capture: CaptureInline}, fakeSnapshotter{f})
	invoke(t, w, "a")
	invoke(t, w, "b")
	w.Forget("arn:a", "7")
	wantPaths(t, w, "hot", "a")
	w.Forget("arn:a", "$LATEST")
	if s := w.Stats(); s.Idle != 1 || s.FunctionSnapshots != 1 || s.Functions != 1 {
		t.Errorf("after Forget: %+v", s)
	}
	wantPaths(t, w, "cold hot", "a", "b")
}

func TestForgetDuringAnInvocationKeepsNothingOfIt(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{}, fakeSnapshotter{f})
	f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
		w.Forget("arn:a", "")
		return isolation.Result{Outcome: isolation.OK, Payload: []byte("a")}, nil
	}
	invoke(t, w, "a")
	if s := w.Stats(); s.Idle != 0 || s.Functions != 0 || s.FunctionSnapshots != 0 {
		t.Errorf("after Forget: %+v", s)
	}
}

func TestImportFailureIsDataAndNothingIsKept(t *testing.T) {
	own := &isolation.FunctionError{Type: isolation.TypeSyntax, Message: "bad"}
	for _, test := range []struct {
		err  error
		want isolation.Outcome
		typ  string
	}{
		{own, isolation.Failed, isolation.TypeSyntax},
		{&isolation.FunctionError{Type: isolation.TypeOutOfMemory, Fatal: true}, isolation.OutOfMemory,
			isolation.TypeOutOfMemory},
		{fmt.Errorf("import: %w", driver.ErrEnded), isolation.Crashed, isolation.TypeExit},
		{fmt.Errorf("import: %w", driver.ErrProtocol), isolation.Malformed, isolation.TypeMalformed},
		{context.DeadlineExceeded, isolation.TimedOut, isolation.TypeTimedOut},
	} {
		f := newFake(t)
		f.onImport = func(context.Context, isolation.Function) error { return test.err }
		w := start(t, Config{Capture: CaptureInline}, fakeSnapshotter{f})
		res := invoke(t, w, "a")
		if res.Outcome != test.want || res.Error == nil || res.Error.Type != test.typ || res.Billed != 0 {
			t.Errorf("%v: %+v", test.err, res)
		}
		if s := w.Stats(); s.Idle != 0 || s.FunctionSnapshots != 0 || s.Functions != 0 || s.Discarded != 1 {
			t.Errorf("%v: kept %+v", test.err, s)
		}
	}
}

func TestImportIsBounded(t *testing.T) {
	f := newFake(t)
	f.onImport = func(ctx context.Context, fn isolation.Function) error { <-ctx.Done(); return ctx.Err() }
	w := start(t, Config{ImportTimeout: 10 * time.Millisecond}, f)
	if res := invoke(t, w, "a"); res.Outcome != isolation.TimedOut || res.Error.Type != isolation.TypeTimedOut {
		t.Errorf("%+v", res)
	}
}

func TestSandboxIsUsedAgainOnlyAfterOKOrError(t *testing.T) {
	for _, outcome := range []isolation.Outcome{isolation.OK, isolation.Failed, isolation.TimedOut,
		isolation.OutOfMemory, isolation.Crashed, isolation.Malformed} {
		f := newFake(t)
		f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
			return isolation.Result{Outcome: outcome, Payload: []byte(sb.function)}, nil
		}
		w := start(t, Config{}, f)
		invoke(t, w, "a")
		want := Boot
		if outcome.Alive() {
			want = Hot
		}
		if got := invoke(t, w, "a").Path; got != want {
			t.Errorf("after %s: %s, not %s", outcome, got, want)
		}
	}
}

func TestTimedOutCallIsBilledItsTimeout(t *testing.T) {
	f := newFake(t)
	f.onInvoke = func(_ *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
		time.Sleep(time.Until(inv.Deadline) + 50*time.Millisecond)
		return isolation.Result{Outcome: isolation.TimedOut}, nil
	}
	w := start(t, Config{}, f)
	req := request("a")
	req.Timeout = 20 * time.Millisecond
	res, err := w.Invoke(context.Background(), req)
	if err != nil || res.Outcome != isolation.TimedOut || res.Billed != req.Timeout {
		t.Errorf("outcome %s, billed %v, %v", res.Outcome, res.Billed, err)
	}
}

func TestTimeoutSpeaksAsAWSDoes(t *testing.T) {
	f := newFake(t)
	var deadline time.Time
	f.onInvoke = func(sb *fakeSandbox, inv isolation.Invocation) (isolation.Result, error) {
		deadline = inv.Deadline
		return isolation.Result{Outcome: isolation.TimedOut}, nil
	}
	f.onImport = func(context.Context, isolation.Function) error { time.Sleep(20 * time.Millisecond); return nil }
	w := start(t, Config{}, f)
	req := request("a")
	req.Timeout = 2 * time.Second
	before := time.Now()
	res, err := w.Invoke(context.Background(), req)
	if err != nil || res.Error.Message != "RequestId: id-a Error: Task timed out after 2.00 seconds" {
		t.Errorf("%+v, %v", res, err)
	}
	if d := deadline.Sub(before); d < 2*time.Second+20*time.Millisecond {
		t.Errorf("the time-out began %v before the handler got the event", 2*time.Second+20*time.Millisecond-d)
	}
}

func TestFailuresOfTheBackendAreErrorsAndLeaveNothing(t *testing.T) {
	fail := func() error { return errFake }
	for name, setup := range map[string]func(f *fake, cfg *Config){
		"boot":   func(f *fake, cfg *Config) { f.onBoot = fail },
		"base":   func(f *fake, cfg *Config) { f.onCapture = fail },
		"deploy": func(f *fake, cfg *Config) { f.onDeploy = func(string) error { return errFake } },
		"import": func(f *fake, cfg *Config) {
			f.onImport = func(context.Context, isolation.Function) error { return errFake }
		},
		"invoke": func(f *fake, cfg *Config) {
			f.onInvoke = func(*fakeSandbox, isolation.Invocation) (isolation.Result, error) {
				return isolation.Result{}, errFake
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, cfg := newFake(t), Config{}
			setup(f, &cfg)
			w := start(t, cfg, fakeSnapshotter{f})
			if _, err := w.Invoke(context.Background(), request("a")); !errors.Is(err, errFake) {
				t.Errorf("error is %v", err)
			}
			if s := w.Stats(); s.Starting+s.Busy+s.Idle+s.Functions != 0 {
				t.Errorf("left: %+v", s)
			}
		})
	}
}

func TestFailedCaptureCostsNoInvocation(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Capture: CaptureInline, Idle: Cache{Off: true}}, fakeSnapshotter{f})
	ready(t, w)
	f.onCapture = func() error { return isolation.ErrNotQuiescent }
	wantPaths(t, w, "cold cold", "a", "a")
	if s := w.Stats(); s.BackgroundErrors != 2 || s.Captures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSnapshotThatCannotBeDeployedIsReplaced(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{Capture: CaptureInline, Idle: Cache{Off: true}}, fakeSnapshotter{f})
	ready(t, w)
	wantPaths(t, w, "cold warm", "a", "a")
	broken := true
	f.onDeploy = func(function string) error {
		if function != "" && broken {
			return errFake
		}
		return nil
	}
	wantPaths(t, w, "cold", "a")
	broken = false
	wantPaths(t, w, "warm", "a")
}

func TestSandboxThatEndedWhileIdleIsNotUsed(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{}, f)
	invoke(t, w, "a")
	for sb := range f.live {
		sb.end()
	}
	wantPaths(t, w, "boot hot", "a", "a")
}

// A sandbox may end between the look at it and the call.
func TestCallThatDidNotReachItsSandboxStartsOver(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{}, f)
	invoke(t, w, "a")
	lost := 1
	f.onInvoke = func(s *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		if lost--; lost >= 0 {
			return isolation.Result{}, fmt.Errorf("%w: %w", isolation.ErrUndelivered, errFake)
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(s.function)}, nil
	}
	wantPaths(t, w, "boot hot", "a", "a")
	lost = 100
	if _, err := w.Invoke(context.Background(), request("a")); !errors.Is(err, isolation.ErrUndelivered) {
		t.Errorf("no sandbox lives long enough for the call: %v", err)
	}
	if lost != 100-1-maxAttempts { // the idle sandbox does not count
		t.Errorf("%d attempts, want %d", 100-lost, 1+maxAttempts)
	}
}

// An idle sandbox that ended is none of the attempts, in whatever order they come.
func TestIdleSandboxThatEndedIsNotTheLastAttempt(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{}, f)
	entered, release, idle := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.onInvoke = func(s *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		close(entered)
		<-release
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(s.function)}, nil
	}
	go func() {
		defer close(idle)
		if _, err := w.Invoke(context.Background(), request("a")); err != nil {
			t.Error(err)
		}
	}()
	<-entered
	lost := maxAttempts // all but the last of the attempts, and the idle sandbox
	f.onInvoke = func(s *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		if lost--; lost == 1 {
			close(release)
			<-idle
		}
		if lost >= 0 {
			return isolation.Result{}, fmt.Errorf("%w: %w", isolation.ErrUndelivered, errFake)
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(s.function)}, nil
	}
	wantPaths(t, w, "boot", "a")
	if lost != -1 {
		t.Errorf("%d sandboxes were lost on the way, want %d", maxAttempts-1-lost, maxAttempts)
	}
}

func TestStemCellThatEndedDoesNotFailTheFunction(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{StemCells: 1}, f)
	ready(t, w)
	lost := true
	f.onImport = func(context.Context, isolation.Function) error {
		if lost {
			lost = false
			return fmt.Errorf("%w: %w", isolation.ErrUndelivered, errFake)
		}
		return nil
	}
	if res := invoke(t, w, "a"); res.Outcome != isolation.OK {
		t.Errorf("%s: %v", res.Outcome, res.Error)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	w := start(t, Config{}, newFake(t))
	req := request("a")
	req.Runtime = "cobol"
	if _, err := w.Invoke(context.Background(), req); !errors.Is(err, ErrUnknownRuntime) {
		t.Errorf("unknown runtime: %v", err)
	}
	req = request("a")
	req.Invocation.Payload = make([]byte, isolation.MaxPayloadBytes+1)
	if _, err := w.Invoke(context.Background(), req); !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("large payload: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Invoke(ctx, request("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMemoryIsMeteredOnDemandAndSampledOtherwise(t *testing.T) {
	f := newFake(t)
	f.memory = func(*fakeSandbox) int64 { return 7 << 20 }
	w := start(t, Config{}, f)
	req := request("a")
	req.Meter = true
	res, err := w.Invoke(context.Background(), req)
	if err != nil || res.MemoryBytes != 7<<20 || res.PeakBytes != 14<<20 {
		t.Errorf("metered: %+v, %v", res, err)
	}
	invoke(t, w, "b")
	runtimetest.Eventually(t, "sample", func() bool { return invoke(t, w, "b").MemoryBytes == 7<<20 })
	if n := f.usages.Load(); n > 3 {
		t.Errorf("usage was read %d times", n)
	}
}

func TestAnyNumberOfIdleSandboxesMayHaveEnded(t *testing.T) {
	f := newFake(t)
	w := start(t, Config{}, f)
	var busy sync.WaitGroup
	const many = 2 * maxAttempts
	entered := make(chan struct{}, many)
	release := make(chan struct{})
	f.onInvoke = func(s *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		entered <- struct{}{}
		<-release
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(s.function)}, nil
	}
	for range many {
		busy.Go(func() { invoke(t, w, "a") })
	}
	for range many {
		<-entered
	}
	close(release)
	busy.Wait()
	lost := many
	f.onInvoke = func(s *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		if lost--; lost >= 0 {
			return isolation.Result{}, fmt.Errorf("%w: %w", isolation.ErrUndelivered, errFake)
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(s.function)}, nil
	}
	wantPaths(t, w, "boot", "a")
}
