package unikernel

import (
	"errors"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// TestUCWithAnUnreadMessageIsNotReset holds a UC in its read by ptrace(2), where
// /proc/PID/syscall shows the UC asleep, as for a task whose wake-up another processor has not
// yet taken in.
func TestUCWithAnUnreadMessageIsNotReset(t *testing.T) {
	b, base := onlyOne(t, isolation.NodeJS)
	s := deployed(t, b, base).(*sandbox)
	if err := s.Import(t.Context(), function(t, isolation.NodeJS, "exports.handler = async (e) => e;")); err != nil {
		t.Fatal(err)
	}
	runtimetest.Invoke(t, s, "1")
	p := s.live
	next := b.newRun(abi.Resume, s.limitsNow())
	atRest(t, p)

	release := holdStill(t, processOf(t, s))
	if err := p.channel.Send(abi.Msg{Type: abi.Sleep}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.tryRollBack(t.Context(), next); !errors.Is(err, zygote.ErrAwake) {
		t.Errorf("a UC that has a message to read was reset: %v", err)
	}
	release()

	if !p.reset(p.past()) {
		t.Fatal("the UC is not reset after it has read its message")
	}
	again := deployed(t, b, base)
	if err := again.Import(t.Context(), function(t, isolation.NodeJS, "exports.handler = async () => 7;")); err != nil {
		t.Fatal(err)
	}
	if res := runtimetest.Invoke(t, again, "1"); string(res.Payload) != "7" {
		t.Errorf("the reset process answers %+v", res)
	}
}

// atRest waits until the UC has read its messages and sleeps.
func atRest(t *testing.T, p *process) {
	t.Helper()
	ctx := t.Context()
	if err := awaitQuiescence(ctx, func() error {
		st, err := p.uc.State(ctx)
		if err == nil && (!p.channel.Delivered() || !st.Quiescent) {
			return zygote.ErrAwake
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// holdStill stops a process where it is, unseen by its parent, until release is called.
func holdStill(t *testing.T, pid int) (release func()) {
	t.Helper()
	runtime.LockOSThread() // ptrace(2): the tracer is a thread
	t.Cleanup(runtime.UnlockOSThread)
	if err := unix.PtraceSeize(pid); err != nil {
		t.Skipf("ptrace of a UC is refused: %v", err)
	}
	if err := unix.PtraceInterrupt(pid); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WALL|unix.WNOHANG, nil)
		if got == pid && status.Stopped() {
			break
		}
		if err != nil && err != syscall.EINTR || time.Now().After(until) {
			t.Fatalf("process %d does not stop: %v", pid, err)
		}
	}
	return func() {
		if err := unix.PtraceDetach(pid); err != nil {
			t.Fatal(err)
		}
	}
}
