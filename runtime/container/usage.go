package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// processUsage sums the proportional set sizes of a process and its
// descendants, where no cgroup counts them. A descendant that ends meanwhile
// takes nothing.
func processUsage(pid int) (isolation.Usage, error) {
	u := isolation.Usage{Source: "pss"}
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		memory, cpu, err := usageOf(todo[0])
		if err != nil && todo[0] == pid {
			return u, err
		}
		u.MemoryBytes, u.CPU = u.MemoryBytes+memory, u.CPU+cpu
		todo = append(todo, childrenOf(todo[0])...)
	}
	return u, nil
}

// usageOf is what one process takes: its proportional set size in bytes, and user
// and system time.
func usageOf(pid int) (memory int64, cpu time.Duration, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, 0, err
	}
	sizes, err := p.ProcSMapsRollup()
	if err != nil {
		return 0, 0, err
	}
	stat, err := p.Stat()
	if err != nil {
		return 0, 0, err
	}
	return int64(sizes.Pss), time.Duration(stat.CPUTime() * float64(time.Second)), nil
}

// childrenOf reads proc(5) /proc/PID/task/TID/children: each thread has its own.
func childrenOf(pid int) (found []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for field := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(field); err == nil {
				found = append(found, n)
			}
		}
	}
	return found
}
