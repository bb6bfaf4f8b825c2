package unikernel

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// What most imports leave the same is neither copied nor counted again: the
// capture finds it where an earlier one put it.
func TestCaptureFindsWhatEarlierOnesLeft(t *testing.T) {
	be := newBackend(t, Config{})
	base := baseSnapshot(t, be, isolation.NodeJS, steps)
	handler := func(i int) string { return fmt.Sprintf("exports.handler = async (event) => 'function %d';\n", i) }
	known := func() bool {
		h := base.(*snap).candidates.Acquire("1") // the account in the ARN of function
		if h != nil {
			h.Release()
		}
		return h != nil
	}
	var taken []isolation.Snapshot
	capture := func() {
		taken = append(taken, functionSnapshot(t, be, base, function(t, isolation.NodeJS, handler(len(taken)))))
	}
	runtimetest.Eventually(t, "a capture finds what earlier ones left", func() bool {
		capture()
		return known()
	})
	capture()
	last := taken[len(taken)-1]
	if own, all := last.Size()/abi.PageSize, last.(*snap).layer.Count(); own > int64(all)/2 {
		t.Errorf("%d of its %d pages are a snapshot's own", own, all)
	}
	for i, s := range taken {
		sb := deployed(t, be, s)
		if got, want := string(runtimetest.Invoke(t, sb, "{}").Payload),
			fmt.Sprintf("%q", fmt.Sprintf("function %d", i)); got != want {
			t.Errorf("function %d answered %s, want %s", i, got, want)
		}
		if err := sb.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCaptureWaitsForRestAsLongAsItsCallerAllows(t *testing.T) {
	b := newBackend(t, Config{})
	base := baseSnapshot(t, b, isolation.NodeJS, nil)
	busy := func(t *testing.T) isolation.Sandbox {
		sb := deployed(t, b, base)
		t.Cleanup(func() { sb.Close() })
		fn := function(t, isolation.NodeJS, `
			setImmediate(() => { for (const end = Date.now() + 3000; Date.now() < end;); });
			exports.handler = async (event) => event;`)
		if err := sb.Import(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		return sb
	}
	if _, err := b.Capture(t.Context(), busy(t)); !errors.Is(err, isolation.ErrNotQuiescent) {
		t.Errorf("a capture without a deadline waits 2 s: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	snap, err := b.Capture(ctx, busy(t))
	if err != nil {
		t.Fatal(err)
	}
	snap.Close()
}
