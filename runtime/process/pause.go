package process

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// pausable is a sandbox whose processes a cgroup of version 2 holds together: an
// isolation.Pauser and an isolation.Reclaimer.
type pausable struct{ *sandbox }

// Pause implements isolation.Pauser. It returns when all processes stand.
func (s pausable) Pause(ctx context.Context) error {
	if s.closing.Load() {
		return isolation.ErrClosed
	}
	if err := s.group.Freeze(ctx); err != nil {
		return fmt.Errorf("pause process %d: %w", s.PID(), err)
	}
	return nil
}

// Resume implements isolation.Pauser.
func (s pausable) Resume(context.Context) error {
	if s.closing.Load() {
		return isolation.ErrClosed
	}
	if err := s.group.Thaw(); err != nil {
		return fmt.Errorf("resume process %d: %w", s.PID(), err)
	}
	return nil
}

// Reclaim implements isolation.Reclaimer.
func (s pausable) Reclaim() error {
	if err := s.group.Reclaim(); err != nil {
		return fmt.Errorf("process %d: %w", s.PID(), err)
	}
	return nil
}

// CanPause implements isolation.Idler.
func (b *Backend) CanPause() error {
	if err := b.prepare(); err != nil {
		return err
	}
	if !b.cgroups.Has(cgroup.Freezer) {
		return &isolation.Unavailable{Backend: b.Name(),
			Lacks:  "no cgroup that could be frozen holds the processes of a sandbox together",
			Remedy: "run as root, or under systemd-run --user -p Delegate=yes"}
	}
	return nil
}

// CanReclaim implements isolation.Idler.
func (b *Backend) CanReclaim() error {
	if err := b.CanPause(); err != nil {
		return err
	}
	if !b.cgroups.CanReclaim() {
		return &isolation.Unavailable{Backend: b.Name(),
			Lacks:  "the kernel cannot be asked for the memory of a cgroup",
			Remedy: "have a memory controller of version 1, or of version 2 with Linux 5.19 or later"}
	}
	return nil
}
