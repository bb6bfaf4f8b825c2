package unikernel

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// TestTickBeforeAResetUCHasItsSignalStackBackIsDropped sends a tick (ITIMER_PROF) at the end of the
// read that wakes a reset UC, whose signal stack is still the one that the function before set.
func TestTickBeforeAResetUCHasItsSignalStackBackIsDropped(t *testing.T) {
	b, base := onlyOne(t, isolation.Python)
	n := base.holders()[0]
	fn := spoilerFunction(t)
	for name, way := range map[string]int{"signal stack": 1, "signal stack that disarms itself": 2} {
		t.Run(name, func(t *testing.T) {
			emptyPool(n)
			sb := deployed(t, b, base).(*sandbox)
			if err := sb.Import(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
			pid := processOf(t, sb)
			if res := runtimetest.Invoke(t, sb, fmt.Sprint(way)); res.Outcome != isolation.OK {
				t.Fatalf("%+v", res)
			}
			sleepsAtRest(t, pid)
			emptyPool(n)
			sb.Close()
			next := deployed(t, b, base).(*sandbox)
			defer next.Close()
			if got := processOf(t, next); got != pid {
				t.Fatalf("the next function runs in process %d, the spoiled one was %d", got, pid)
			}

			imported := make(chan error, 1)
			atSyscallExit(t, pid, func() { go func() { imported <- next.Import(t.Context(), fn) }() })
			if err := unix.Kill(pid, unix.SIGPROF); err != nil {
				t.Fatal(err)
			}
			if err := unix.PtraceDetach(pid); err != nil {
				t.Fatal(err)
			}

			if err := <-imported; err != nil {
				t.Fatal(err)
			}
			if res := runtimetest.Invoke(t, next, "0"); string(res.Payload) != "0" {
				t.Errorf("the next function sees %s, %v", res.Payload, res.Error)
			}
		})
	}
}
