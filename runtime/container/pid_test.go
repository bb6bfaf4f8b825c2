package container

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
)

// runc writes the file after it has started the container, whose driver may be
// faster.
func TestProcessIDIsAwaited(t *testing.T) {
	s := &sandbox{dir: t.TempDir(), gone: make(chan struct{})}
	wrote := make(chan error, 1)
	time.AfterFunc(5*time.Millisecond, func() {
		err := os.WriteFile(pidFile(s.dir)+".new", []byte("42"), 0o600)
		wrote <- errors.Join(err, os.Rename(pidFile(s.dir)+".new", pidFile(s.dir)))
	})
	if err := s.awaitPID(t.Context()); err != nil || s.pid.Load() != 42 {
		t.Errorf("process %d, %v", s.pid.Load(), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestProcessIDIsNotAwaitedForEver(t *testing.T) {
	s := &sandbox{dir: t.TempDir(), gone: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := s.awaitPID(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	close(s.gone)
	if err := s.awaitPID(t.Context()); !errors.Is(err, driver.ErrEnded) {
		t.Errorf("%v", err)
	}
}
