package unikernel

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// TestASandboxThatYieldsHasTheProcessorOnlyWhenItIsIdle looks at the scheduling
// policy, and that no process keeps it for the next sandbox.
func TestASandboxThatYieldsHasTheProcessorOnlyWhenItIsIdle(t *testing.T) {
	if err := canYield(); err != nil {
		t.Skipf("this process may not leave SCHED_IDLE: %v", err)
	}
	be := New(Config{})
	defer be.Close()
	snap := baseSnapshot(t, be, isolation.Python, nil)
	fn := runtimetest.Function(t, isolation.Python, "def handler(event, context): return 1")
	policy := func(sb isolation.Sandbox) uint32 {
		t.Helper()
		pid, err := sb.(*sandbox).live.uc.HostPID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, err := unix.SchedGetAttr(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		return a.Policy
	}
	yield := func(sb isolation.Sandbox, on bool) {
		t.Helper()
		if err := sb.(isolation.Yielder).Yield(on); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // processes that served are used again
		sb := deployed(t, be, snap)
		if got := policy(sb); got != unix.SCHED_NORMAL {
			t.Fatalf("a fresh sandbox has policy %d", got)
		}
		yield(sb, true)
		if got := policy(sb); got != unix.SCHED_IDLE {
			t.Errorf("one that yields has policy %d", got)
		}
		if err := sb.Import(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		yield(sb, false)
		if got := policy(sb); got != unix.SCHED_NORMAL {
			t.Errorf("one that yields no more has policy %d", got)
		}
		yield(sb, true)
		if err := sb.Close(); err != nil {
			t.Error(err)
		}
	}
}
