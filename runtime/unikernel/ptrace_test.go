package unikernel

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// seize has this thread trace a process, which is stopped then, unseen by its parent.
func seize(t *testing.T, pid int) {
	t.Helper()
	runtime.LockOSThread() // ptrace(2): the tracer is a thread
	t.Cleanup(runtime.UnlockOSThread)
	if err := unix.PtraceSeize(pid); err != nil {
		t.Skipf("ptrace of a process of the tender is refused: %v", err)
	}
	if err := unix.PtraceInterrupt(pid); err != nil {
		t.Fatal(err)
	}
	awaitState(t, pid, "stops", unix.WaitStatus.Stopped)
}

// holdStill stops a process where it is until release is called.
func holdStill(t *testing.T, pid int) (release func()) {
	t.Helper()
	seize(t, pid)
	return func() {
		if err := unix.PtraceDetach(pid); err != nil {
			t.Fatal(err)
		}
	}
}

// atSyscallExit calls wake, and stops a process that sleeps in a system call where the call
// returns.
func atSyscallExit(t *testing.T, pid int, wake func()) {
	t.Helper()
	seize(t, pid)
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD); err != nil {
		t.Fatal(err)
	}
	if err := unix.PtraceSyscall(pid, 0); err != nil {
		t.Fatal(err)
	}
	const syscallStop = unix.SIGTRAP | 0x80
	for _, end := range []string{"begins its call again", "ends its call"} {
		awaitState(t, pid, end, func(s unix.WaitStatus) bool { return s.Stopped() && s.StopSignal() == syscallStop })
		if wake != nil {
			if err := unix.PtraceSyscall(pid, 0); err != nil {
				t.Fatal(err)
			}
			wake()
			wake = nil
		}
	}
}

// holdAtFork calls fork, and returns the child that the process forks then. Both are
// stopped.
func holdAtFork(t *testing.T, pid int, fork func()) (child int) {
	t.Helper()
	seize(t, pid)
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACEFORK); err != nil {
		t.Fatal(err)
	}
	if err := unix.PtraceCont(pid, 0); err != nil {
		t.Fatal(err)
	}
	fork()
	awaitState(t, pid, "forks", func(s unix.WaitStatus) bool {
		return s.Stopped() && s.TrapCause() == unix.PTRACE_EVENT_FORK
	})
	id, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		t.Fatal(err)
	}
	awaitState(t, int(id), "stops", unix.WaitStatus.Stopped)
	return int(id)
}

// awaitState waits until a process that this thread traces is in a state.
func awaitState(t *testing.T, pid int, what string, in func(unix.WaitStatus) bool) {
	t.Helper()
	runtimetest.Eventually(t, "the traced process "+what, func() bool {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WALL|unix.WNOHANG, nil)
		if err != nil && err != unix.EINTR {
			t.Fatalf("wait for process %d: %v", pid, err)
		}
		if got != pid || in(status) {
			return got == pid
		}
		if status.Stopped() {
			_ = unix.PtraceCont(pid, 0) // another stop on the way there
		}
		return false
	})
}
