package conformance

import (
	"context"
	"slices"
	"syscall"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// stoppedIdle: each process without which a sandbox answers no call is stopped and goes
// on. The sandbox tells, and a pause is no stop.
func (s *suite) stoppedIdle(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	pids := proc.Descendants(s.hostProcess(t, sb).PID())
	if k, ok := s.backend.(isolation.KernelOwner); ok && k.OwnsKernel() {
		pids = pids[:1] // below are those that the kernel runs guests in
	}
	st, ok := sb.(isolation.Stoppable)
	if !ok {
		t.Fatalf("a sandbox of %s has processes of the host and does not tell that they are stopped", s.backend.Name())
	}
	// The last first: the init process of a container hands a SIGCONT on to its child.
	for _, pid := range slices.Backward(pids) {
		stopAndGoOn(t, st, pid)
	}
	wantResult(t, invoke(t, sb, `{"do":"echo","value":"here"}`), `"here"`)
	if p, ok := sb.(isolation.Pauser); ok { // Close ends a paused sandbox
		if err := p.Pause(context.Background()); err != nil {
			t.Fatal(err)
		}
		if st.Stopped() {
			t.Error("a sandbox that is paused says that it is stopped")
		}
	}
}

func stopAndGoOn(t *testing.T, st isolation.Stoppable, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "the sandbox tells that a process is stopped", st.Stopped)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "the sandbox tells that the process goes on", func() bool { return !st.Stopped() })
}
