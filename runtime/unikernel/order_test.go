package unikernel

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

func TestACallWaitsForAZygoteNoLongerThanItsContext(t *testing.T) {
	b := newBackend(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := b.awaitZygote(ctx, func() *zygote.Zygote { return nil })
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
		for _, n := range base.holders() {
			n.Look()
		}
		return base.pick(zygote.Tenancy{}) == nil
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
