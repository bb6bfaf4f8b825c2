package process

import (
	"errors"
	"io/fs"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// Sources of the memory figure where there is no memory cgroup.
const (
	sourcePSS = "pss"
	sourceRSS = "rss"
)

// usageOf a sandbox is what its cgroup is charged without the file cache that
// could be dropped at once, or, where there is no memory cgroup, the
// proportional set sizes of its processes. To read those of another user's
// process takes CAP_SYS_PTRACE, which root lacks in a container: what is left
// are resident set sizes, in which shared pages count in every process.
func usageOf(g *cgroup.Group, pids func() []int) (u isolation.Usage, err error) {
	if g.Source() != "" {
		u, err = g.Usage()
	} else {
		u.Source = sourcePSS
		u.MemoryBytes, err = proc.Sum(pids(), proc.ProportionalSize)
		if errors.Is(err, fs.ErrPermission) {
			u.Source = sourceRSS
			u.MemoryBytes, err = proc.Sum(pids(), proc.ResidentSize)
		}
	}
	if err == nil {
		u.CPU, err = cpuTime(g, pids)
	}
	return u, err
}

// cpuTime is user and system time of the whole group; without one, that of the
// processes that are there and of children that were waited for.
func cpuTime(g *cgroup.Group, pids func() []int) (time.Duration, error) {
	if g.Has(cgroup.Unified) {
		return g.CPUTime()
	}
	return proc.CPUTime(pids()), nil
}
