package unikernel

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestSandboxMovesAsTheTableSaysAndNoOtherWay(t *testing.T) {
	for from := awake; from <= closed; from++ {
		for to := awake; to <= closed; to++ {
			s := &sandbox{state: from}
			changed := s.change()
			moved, want := s.move(to), slices.Contains(transitions[from], to)
			if moved != want || (s.state == to) != (want || from == to) {
				t.Errorf("from %d to %d: %v, now %d", from, to, moved, s.state)
			}
			select {
			case <-changed:
				if !moved {
					t.Errorf("from %d to %d: a change is told that did not happen", from, to)
				}
			default:
				if moved {
					t.Errorf("from %d to %d: nobody is told of the change", from, to)
				}
			}
		}
	}
}

// What looks at a UC, or gets it a process, holds no lock meanwhile.
func TestCallWaitsForTheJanitorNoLongerThanItsContext(t *testing.T) {
	_, sb := keeper(t, isolation.Python)
	askKeeper(t, sb, "{}")
	if _, err := sb.begin(nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	inv := isolation.Invocation{ID: "request-1", Payload: []byte("{}")}
	if _, err := sb.Invoke(ctx, inv); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call while the janitor looks: %v", err)
	}
	sb.Console(1, []byte("words\n"))
	underLimit([]*sandbox{sb})
	if sb.hibernate(0) {
		t.Error("a second look at the same time")
	}
	answered := make(chan error, 1)
	go func() {
		_, err := sb.Invoke(context.Background(), inv)
		answered <- err
	}()
	sb.finish(nil)
	if err := <-answered; err != nil {
		t.Errorf("a call that waited for the janitor: %v", err)
	}
}

func TestSandboxWakesWhileItsOldProcessStillEnds(t *testing.T) {
	_, sb := keeper(t, isolation.Python)
	askKeeper(t, sb, "{}")
	old := sb.live
	z := old.uc.Zygote()
	if zs := sb.parent.parent.holders(); len(zs) < 2 {
		t.Skip("with one processor there is one zygote, which ends the old process before it forks")
	}
	var p *process
	var h *hibernation
	runtimetest.Eventually(t, "the UC is at rest", func() (ok bool) {
		var err error
		if p, err = sb.begin(nil); err != nil {
			return false
		}
		if h, err = p.hibernation(); err != nil {
			sb.finish(nil)
		}
		return err == nil
	})
	turn := turnOf(z)
	turn.Lock() // as while z carries out another order
	freed := time.AfterFunc(20*time.Second, turn.Unlock)
	sb.finish(h)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if !p.reset(p.past()) {
			p.end(false)
		}
	}()
	runtimetest.Eventually(t, "the other zygote is the better one",
		func() bool { return sb.parent.pick(sb.tenant()) != z })
	askKeeper(t, sb, "{}")
	if !freed.Stop() {
		t.Error("the call waited for the end of the old process")
	} else {
		turn.Unlock()
	}
	<-ended
	askKeeper(t, sb, "{}")
}
