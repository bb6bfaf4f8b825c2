package bubblewrap

import (
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// Usage implements isolation.Sandbox: what the cgroup is charged with, or where
// none can be made, resident set sizes, in which shared pages count in every
// process.
func (s *sandbox) Usage() (isolation.Usage, error) {
	if s.group.Has(cgroup.Memory) && s.group.Has(cgroup.Unified) { // which counts CPU time
		u, err := s.group.Usage()
		if err != nil {
			return u, fmt.Errorf("usage of process %d: %w", s.first, err)
		}
		return u, nil
	}
	pids := s.pids()
	memory, err := proc.Sum(pids, proc.ResidentSize)
	if err != nil {
		return isolation.Usage{}, fmt.Errorf("usage of process %d: %w: %w", s.first, isolation.ErrClosed, err)
	}
	return isolation.Usage{Source: "rss", MemoryBytes: memory, CPU: proc.CPUTime(pids)}, nil
}

// pids are the sandbox's processes: the first one and its descendants.
func (s *sandbox) pids() []int { return proc.Descendants(s.first) }
