package container

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/lambdabench/lambdabench/runtime"
)

// processUsage sums the proportional set sizes of a process and its
// descendants, where no cgroup counts them.
func processUsage(pid int) (runtime.Usage, error) {
	u := runtime.Usage{Source: "pss"}
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		p, err := procfs.NewProc(todo[0])
		if err != nil {
			return u, err
		}
		sizes, err := p.ProcSMapsRollup()
		if err != nil {
			return u, err
		}
		stat, err := p.Stat()
		if err != nil {
			return u, err
		}
		u.MemoryBytes += int64(sizes.Pss)
		u.CPU += time.Duration(stat.CPUTime() * float64(time.Second))
		todo = append(todo, childrenOf(todo[0])...)
	}
	return u, nil
}

// childrenOf reads proc(5) /proc/PID/task/PID/children.
func childrenOf(pid int) (found []int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for field := range strings.FieldsSeq(string(b)) {
		if n, err := strconv.Atoi(field); err == nil {
			found = append(found, n)
		}
	}
	return found
}
