package bubblewrap

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// prefix of the cgroups' names, by which the next platform finds those of one
// that was killed.
const prefix = "lambdabench-bubblewrap-"

// limitRemedy is how to get the cgroups that limits need.
const limitRemedy = "run as root, or under systemd-run --user -p Delegate=yes"

// prepare makes the cgroup that holds those of all sandboxes, once, and removes
// what a platform that was killed left.
func (b *Backend) prepare() error {
	b.once.Do(func() {
		if b.err = cgroup.Sweep(prefix); b.err != nil {
			return
		}
		// What the group cannot have, CanLimit says.
		b.groups, _ = cgroup.New(cgroup.OwnedName(prefix), cgroup.Memory, cgroup.PIDs, cgroup.CPU, cgroup.Unified)
	})
	return b.err
}

// CanLimit implements isolation.Limiter.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if err := b.prepare(); err != nil {
		return err
	}
	for controller, wanted := range map[string]bool{
		cgroup.Memory: l.MemoryBytes > 0, cgroup.PIDs: l.Processes > 0, cgroup.CPU: l.CPUs > 0,
	} {
		if wanted && !b.groups.Has(controller) {
			return b.unavailable(fmt.Sprintf("no %s cgroup can be made", controller), limitRemedy)
		}
	}
	return nil
}

// limit puts the sandbox under l. Its processes were born in their memory cgroup,
// and in that of version 2; those of version 1 are entered now.
func (s *sandbox) limit(l isolation.Limits) error {
	s.limits.Store(&l)
	if err := s.group.Limit(l); err != nil {
		return err
	}
	for _, controller := range []string{cgroup.PIDs, cgroup.CPU} {
		if !s.group.HasV1(controller) {
			continue
		}
		for _, pid := range s.pids() {
			if err := s.group.Enter(pid, controller); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}
