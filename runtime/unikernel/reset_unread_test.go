package unikernel

import (
	"errors"
	"testing"

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
