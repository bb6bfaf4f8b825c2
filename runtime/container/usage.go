package container

import (
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// processUsage sums the proportional set sizes of a process and its
// descendants, where no cgroup counts them.
func processUsage(pid int) (isolation.Usage, error) {
	pids := proc.Descendants(pid)
	memory, err := proc.Sum(pids, proc.ProportionalSize)
	return isolation.Usage{Source: "pss", MemoryBytes: memory, CPU: proc.CPUTime(pids)}, err
}
