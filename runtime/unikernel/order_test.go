package unikernel

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// silentZygote is a zygote whose process reads nothing and says nothing, with orders
// that wait for some milliseconds instead of seconds.
func silentZygote(t *testing.T) (*zygote, *supervisor) {
	t.Helper()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	n := newZygote(ours)
	n.super = newSupervisor(nil)
	tick := unix.NsecToTimeval(int64(time.Millisecond))
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, option, &tick); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		n.close()
		unix.Close(theirs)
	})
	return n, n.super
}

func TestNodeThatDoesNotAnswerIsDead(t *testing.T) {
	n, super := silentZygote(t)
	_, _, err := n.ask(order{op: opStat}, nil)
	if !errors.Is(err, ErrTenderGone) || !errors.Is(err, errUnanswered) {
		t.Fatalf("an order that nobody answers: %v", err)
	}
	if !n.dead.Load() || len(super.woken) != 1 {
		t.Error("the zygote is not dead, or its owner does not know")
	}
	begin := time.Now()
	if _, _, err := n.ask(order{op: opStat}, nil); !errors.Is(err, ErrTenderGone) || time.Since(begin) > time.Second {
		t.Errorf("the next order waits as well: %v", err)
	}
}

// Orders without a reply fill the socket of a zygote that does not read them.
func TestNodeThatDoesNotReadIsDead(t *testing.T) {
	n, _ := silentZygote(t)
	for i := range uint32(100_000) {
		if n.forget(i); n.dead.Load() {
			return
		}
	}
	t.Error("it is alive")
}

func TestACallWaitsForAZygoteNoLongerThanItsContext(t *testing.T) {
	b := newBackend(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := b.awaitZygote(ctx, func() *zygote { return nil })
	if !errors.Is(err, ErrTenderGone) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no zygote: %v", err)
	}
}

func TestHealthTellsWhatIsBrokenUntilItIsReplacedAndCallsWait(t *testing.T) {
	b := newBackend(t, Config{})
	if err := b.Health(t.Context()); err != nil {
		t.Errorf("before the first use: %v", err)
	}
	base := baseSnapshot(t, b, isolation.Python, nil).(*snap)
	snap := functionSnapshot(t, b, base, function(t, isolation.Python, nopSource[isolation.Python]))
	if err := b.Health(t.Context()); err != nil {
		t.Errorf("in use: %v", err)
	}
	l, err := b.language(t.Context(), base.in)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock() // nothing is repaired
	if err := syscall.Kill(processTree(b)[1][0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "health says what is broken", func() bool {
		err := b.Health(t.Context())
		return err != nil && strings.Contains(err.Error(), "the image zygote of "+base.in.Runtime+" is gone")
	})
	runtimetest.Eventually(t, "no zygote is left", func() bool {
		for _, n := range base.zygotes.load() {
			n.look()
		}
		return base.zygoteBelow(tenancy{}) == nil
	})
	called := make(chan error, 1)
	go func() { called <- retried(context.Background(), b, snap) }()
	select {
	case err := <-called:
		t.Errorf("a call without zygotes ended at once: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	l.mu.Unlock()
	if err := <-called; err != nil {
		t.Errorf("a call that waited for zygotes: %v", err)
	}
	runtimetest.Eventually(t, "all is whole", func() bool { return b.Health(t.Context()) == nil })
}
