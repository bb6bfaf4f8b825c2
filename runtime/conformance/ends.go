package conformance

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

// ends are the ways in which an invocation takes its sandbox with it.
func (s *suite) ends(t *testing.T) {
	cases := []struct {
		name, do string
		outcome  runtime.Outcome
		typ      string
		message  string
	}{
		{"exit status 0", "exit0", runtime.Crashed, runtime.TypeExit, "Runtime exited without providing a reason"},
		{"exit status 3", "exit3", runtime.Crashed, runtime.TypeExit, "Runtime exited with error: exit status 3"},
		{"exit without clean-up", "exitInner", runtime.Crashed, runtime.TypeExit, "Runtime exited with error: exit status 4"},
		{"kills itself", "killSelf", runtime.Crashed, runtime.TypeExit, "Runtime exited with error: signal: killed"},
		{"garbage on the channel", "garbage", runtime.Malformed, runtime.TypeMalformed, "malformed"},
		{"closes the channel", "closeChannel", runtime.Crashed, runtime.TypeExit, "Runtime exited"},
	}
	if s.node() {
		cases = append(cases, []struct {
			name, do string
			outcome  runtime.Outcome
			typ      string
			message  string
		}{
			{"unhandled rejection", "unhandled", runtime.Crashed, runtime.TypeUnhandled, "RangeError: nobody listens"},
			{"uncaught exception", "uncaught", runtime.Crashed, "RangeError", "out of the blue"},
		}...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sb := s.load(t, s.function("index.handler"))
			res := invoke(t, sb, do(c.do))
			if res.Outcome != c.outcome || res.Error == nil || res.Error.Type != c.typ || !strings.Contains(res.Error.Message, c.message) {
				t.Fatalf("outcome %s, error %+v; want %s, %s with %q", res.Outcome, res.Error, c.outcome, c.typ, c.message)
			}
			if !res.Error.Fatal {
				t.Error("the error does not say that it was fatal")
			}
			wantGone(t, sb)
		})
	}
	t.Run("time-out", s.timeOut)
}

func (s *suite) timeOut(t *testing.T) {
	for _, name := range []string{"loop", "hang"} {
		t.Run(name, func(t *testing.T) {
			sb := s.load(t, s.function("index.handler"))
			start := time.Now()
			res := invokeFor(t, sb, do(name), 500*time.Millisecond)
			if res.Outcome != runtime.TimedOut || res.Error.Type != runtime.TypeTimedOut ||
				res.Error.Message != "RequestId: "+requestID+" Error: Task timed out after 0.50 seconds" {
				t.Fatalf("outcome %s, error %v", res.Outcome, res.Error)
			}
			if took := time.Since(start); took < 450*time.Millisecond || took > patience/2 {
				t.Errorf("a time-out of 0.5 s came after %v", took)
			}
			wantGone(t, sb)
		})
	}
}

// wantGone checks that a sandbox that ended takes no further invocation.
func wantGone(t testing.TB, sb runtime.Sandbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := sb.Invoke(ctx, runtime.Invocation{ID: requestID, Payload: []byte(`{"do":"echo"}`), Deadline: time.Now().Add(patience)})
	if err == nil && res.Outcome.Alive() {
		t.Errorf("the sandbox still answers: %+v", res)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("an invocation of a sandbox that ended hangs")
	}
}
