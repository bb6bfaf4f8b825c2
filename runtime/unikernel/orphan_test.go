package unikernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// TestSpareDoesNotOutliveAZygoteThatDiesAtTheFork holds a spare by ptrace(2) at its first
// instruction, before the spare can ask for a signal at its zygote's end, and kills the zygote.
func TestSpareDoesNotOutliveAZygoteThatDiesAtTheFork(t *testing.T) {
	b, base := onlyOne(t, isolation.Python)
	z := base.holders()[0]
	zygote := parentOf(t, processOf(t, deployed(t, b, base).(*sandbox)))
	forked := holdAtFork(t, zygote, func() {
		if c, err := z.Fork(); err == nil {
			t.Cleanup(func() { unix.Close(c.FD) })
		}
	})
	if err := unix.Kill(zygote, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitState(t, zygote, "ends", func(s unix.WaitStatus) bool { return s.Signaled() })
	if err := unix.PtraceDetach(forked); err != nil && !errors.Is(err, unix.ESRCH) {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "the spare is gone", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", forked))
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// parentOf is the parent of a process: proc(5), stat.
func parentOf(t *testing.T, pid int) (parent int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	var state string
	if n, err := fmt.Sscan(after, &state, &parent); n != 2 {
		t.Fatal(err)
	}
	return parent
}
