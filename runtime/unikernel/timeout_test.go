package unikernel

import (
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// The reply of a call whose time is over waits neither for the zygote to kill the UC
// nor for the UC's end.
func TestTimedOutCallIsAnsweredWhileItsZygoteIsBusy(t *testing.T) {
	be := newBackend(t, Config{})
	fn := function(t, isolation.Python, "def handler(event, context):\n    while True:\n        pass\n")
	sb := deployed(t, be, baseSnapshot(t, be, isolation.Python, nil)).(*sandbox)
	defer sb.Close()
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	p := sb.live
	turn := turnOf(p.uc.Zygote())
	turn.Lock() // as while it carries out another order
	freed := time.AfterFunc(20*time.Second, turn.Unlock)
	deadline := time.Now().Add(300 * time.Millisecond)
	res, err := sb.Invoke(t.Context(), isolation.Invocation{ID: "request-1", Payload: []byte("1"), Deadline: deadline})
	late := time.Since(deadline)
	if !freed.Stop() {
		t.Fatal("the reply waited for the zygote")
	}
	closed := make(chan struct{})
	go func() {
		sb.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("the sandbox was closed, and nobody could kill its UC")
	case <-time.After(100 * time.Millisecond):
	}
	turn.Unlock()
	<-closed
	if err != nil || res.Outcome != isolation.TimedOut || late > 5*time.Second {
		t.Errorf("outcome %s, %v, error %v, %v after the deadline", res.Outcome, res.Error, err, late)
	}
	if !p.channel.Ended() || be.fleet.awake.Load() != 0 {
		t.Error("the UC is still there")
	}
}
