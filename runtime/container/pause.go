package container

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// pausable is a sandbox on a host with a freezer: an isolation.Pauser and an
// isolation.Reclaimer.
type pausable struct{ *sandbox }

// Pause implements isolation.Pauser. It returns when all processes stand.
func (s pausable) Pause(ctx context.Context) error { return s.setPaused(ctx, true) }

// Resume implements isolation.Pauser.
func (s pausable) Resume(ctx context.Context) error { return s.setPaused(ctx, false) }

// Reclaim implements isolation.Reclaimer.
func (s pausable) Reclaim() error {
	if err := s.group.Reclaim(); err != nil {
		return fmt.Errorf("%s: %w", s.id, err)
	}
	return nil
}

// CanPause implements isolation.Idler.
func (b *Backend) CanPause() error {
	if g, err := cgroup.Parent(); err != nil || !g.Has(cgroup.Freezer) {
		return b.oci.lacks("there is no cgroup to freeze a container with",
			"mount the controller freezer, have cgroup version 2 delegated, or run as root")
	}
	return nil
}

// CanReclaim implements isolation.Idler.
func (b *Backend) CanReclaim() error {
	if err := b.CanPause(); err != nil {
		return err
	}
	if g, err := cgroup.Parent(); err != nil || !g.CanReclaim() {
		return b.oci.lacks("the kernel cannot be asked for the memory of a cgroup",
			"have a memory controller of version 1, or of version 2 with Linux 5.19 or later")
	}
	return nil
}

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
