package container

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// pausable is a sandbox on a host with a freezer: a isolation.Pauser.
type pausable struct{ *sandbox }

// Pause implements isolation.Pauser. It returns when all processes stand.
func (s pausable) Pause(ctx context.Context) error { return s.setPaused(ctx, true) }

// Resume implements isolation.Pauser.
func (s pausable) Resume(ctx context.Context) error { return s.setPaused(ctx, false) }

func (s *sandbox) setPaused(ctx context.Context, paused bool) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.killed:
		return isolation.ErrClosed
	case s.paused == paused:
		return nil
	case paused:
		err = s.group.Freeze(ctx)
	default:
		err = s.group.Thaw()
	}
	if err != nil {
		return fmt.Errorf("pause or resume %s: %w", s.id, err)
	}
	s.paused = paused
	return nil
}
