package process

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// limitGroup limits the cgroup. The process is born in its memory group, and
// enters others of version 1 when they are first needed: nothing that was
// charged before matters to them.
func limitGroup(g *cgroup.Group, pid int, l isolation.Limits) error {
	if err := g.Limit(l); err != nil {
		return err
	}
	for controller, wanted := range map[string]bool{cgroup.PIDs: l.Processes > 0, cgroup.CPU: l.CPUs > 0} {
		if !wanted || !g.HasV1(controller) {
			continue
		}
		if err := g.Enter(pid, controller); err != nil {
			return fmt.Errorf("limit %s: %w", controller, err)
		}
	}
	return nil
}

// setLimit sets the soft limit, which needs no privilege to be raised again.
// A host that refuses it is one that CanLimit names.
func setLimit(pid, resource int, limit, room int64) {
	var now unix.Rlimit
	if unix.Prlimit(pid, resource, nil, &now) != nil {
		return
	}
	now.Cur = now.Max
	if limit > 0 {
		now.Cur = min(now.Max, uint64(limit+room))
	}
	_ = unix.Prlimit(pid, resource, &now, nil) // fails for a process that has ended
}
