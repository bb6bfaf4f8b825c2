package container

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
)

// An OCI runtime writes the file after it has started the container, whose driver
// may be faster.
func TestProcessIDIsAwaited(t *testing.T) {
	for name, write := range map[string]func(file string) error{
		"renamed into place": func(file string) error {
			err := os.WriteFile(file+".new", []byte("42"), 0o600)
			return errors.Join(err, os.Rename(file+".new", file))
		},
		"made, and written later": func(file string) error {
			err := os.WriteFile(file, nil, 0o600)
			time.Sleep(20 * time.Millisecond)
			return errors.Join(err, os.WriteFile(file, []byte("42"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sandbox{dir: t.TempDir(), gone: make(chan struct{})}
			wrote := make(chan error, 1)
			time.AfterFunc(5*time.Millisecond, func() { wrote <- write(pidFile(s.dir)) })
			if err := s.awaitPID(t.Context()); err != nil || s.pid.Load() != 42 {
				t.Errorf("process %d, %v", s.pid.Load(), err)
			}
			if err := <-wrote; err != nil {
				t.Error(err)
			}
		})
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
