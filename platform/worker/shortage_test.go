package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestIdleSandboxGivesWayWhereTheHostHasNoProcess(t *testing.T) {
	f := newFake(t)
	f.onBoot = func() error {
		if f.count() >= 3 {
			return fmt.Errorf("fork: %w", isolation.ErrNoProcess)
		}
		return nil
	}
	w := start(t, Config{}, f)
	for i := range 9 {
		invoke(t, w, fmt.Sprint("f", i))
	}
	if n := w.Stats().IdleEvictions; n < 6 {
		t.Errorf("%d idle sandboxes gave way, want 6", n)
	}
}

func TestShortageOfProcessesThatLastsIsAnError(t *testing.T) {
	f := newFake(t)
	f.onBoot = func() error { return fmt.Errorf("fork: %w", isolation.ErrNoProcess) }
	w := start(t, Config{PlaceWait: 30 * time.Millisecond}, f)
	if _, err := w.Invoke(context.Background(), request("f")); !errors.Is(err, isolation.ErrNoProcess) {
		t.Errorf("%v", err)
	}
}
