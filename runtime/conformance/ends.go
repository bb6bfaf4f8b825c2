package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// ends are the ways in which an invocation takes its sandbox with it.
func (s *suite) ends(t *testing.T) {
	cases := []struct {
		name, do string
		outcome  isolation.Outcome
		typ      string
		message  string
	}{
		{"exit status 0", "exit0", isolation.Crashed, isolation.TypeExit, "Runtime exited without providing a reason"},
		{"exit status 3", "exit3", isolation.Crashed, isolation.TypeExit, "Runtime exited with error: exit status 3"},
		{"exit without clean-up", "exitInner", isolation.Crashed, isolation.TypeExit,
			"Runtime exited with error: exit status 4"},
		{"kills itself", "killSelf", isolation.Crashed, isolation.TypeExit,
			"Runtime exited with error: signal: killed"},
		{"garbage on the channel", "garbage", isolation.Malformed, isolation.TypeMalformed, "malformed"},
		{"closes the channel", "closeChannel", isolation.Crashed, isolation.TypeExit, "Runtime exited"},
	}
	if s.node() {
		cases = append(cases, []struct {
			name, do string
			outcome  isolation.Outcome
			typ      string
			message  string
		}{
			{"unhandled rejection", "unhandled", isolation.Crashed, isolation.TypeUnhandled,
				"RangeError: nobody listens"},
			{"uncaught exception", "uncaught", isolation.Crashed, "RangeError", "out of the blue"},
		}...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sb := s.load(t, s.function("index.handler"))
			res := invoke(t, sb, do(c.do))
			if res.Outcome != c.outcome || res.Error == nil || res.Error.Type != c.typ ||
				!strings.Contains(res.Error.Message, c.message) {
				t.Fatalf("outcome %s, error %+v; want %s, %s with %q",
					res.Outcome, res.Error, c.outcome, c.typ, c.message)
			}
			if !res.Error.Fatal {
				t.Error("the error does not say that it was fatal")
			}
			wantGone(t, sb)
		})
	}
	t.Run("time-out", s.timeOut)
	t.Run("time-out of a stopped process", s.timeOutStopped)
}

const (
	shortTimeOut = 500 * time.Millisecond

	// replySlack is how late the reply of a time-out may be where the platform's
	// own threads wait for a processor. To await a sandbox's end takes longer on
	// such a host.
	replySlack = 2 * time.Second
)

func (s *suite) timeOut(t *testing.T) {
	for _, name := range []string{"loop", "hang", "native"} {
		t.Run(name, func(t *testing.T) {
			sb := s.load(t, s.function("index.handler"))
			wantTimedOut(t, sb, name)
			wantGone(t, sb)
		})
	}
}

// The reply of a function whose process was stopped comes at the deadline.
func (s *suite) timeOutStopped(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	host := s.hostProcess(t, sb)
	if err := syscall.Kill(host.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wantTimedOut(t, sb, "hang") // the process may be a parent of the interpreter
	wantGone(t, sb)
}

// wantTimedOut checks that a case times out, and when.
func wantTimedOut(t *testing.T, sb isolation.Sandbox, name string) {
	t.Helper()
	deadline := time.Now().Add(shortTimeOut)
	res, err := sb.Invoke(context.Background(), isolation.Invocation{
		ID: requestID, Payload: []byte(do(name)), Deadline: deadline,
	})
	late := time.Since(deadline)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, shortTimeOut.Seconds())
	if res.Outcome != isolation.TimedOut || res.Error.Type != isolation.TypeTimedOut || res.Error.Message != want {
		t.Fatalf("outcome %s, error %v", res.Outcome, res.Error)
	}
	if late < -50*time.Millisecond || late > replySlack {
		t.Errorf("the reply came %v after the deadline", late)
	}
}

// wantGone checks that a sandbox that ended takes no further invocation.
func wantGone(t testing.TB, sb isolation.Sandbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := sb.Invoke(ctx, invocation(`{"do":"echo"}`, patience))
	if err == nil && res.Outcome.Alive() {
		t.Errorf("the sandbox still answers: %+v", res)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("an invocation of a sandbox that ended hangs")
	}
}
