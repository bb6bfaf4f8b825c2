package container

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime"
)

// pausable is a sandbox on a host with a freezer: a runtime.Pauser.
type pausable struct{ *sandbox }

// Pause implements runtime.Pauser. It returns when all processes stand.
func (s pausable) Pause(ctx context.Context) error { return s.setPaused(ctx, true) }

// Resume implements runtime.Pauser.
func (s pausable) Resume(ctx context.Context) error { return s.setPaused(ctx, false) }

func (s *sandbox) setPaused(ctx context.Context, paused bool) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.killed:
		return runtime.ErrClosed
	case s.paused == paused:
		return nil
	case paused:
		err = s.group.freeze(ctx)
	default:
		err = s.group.thaw()
	}
	if err != nil {
		return fmt.Errorf("pause or resume %s: %w", s.id, err)
	}
	s.paused = paused
	return nil
}
