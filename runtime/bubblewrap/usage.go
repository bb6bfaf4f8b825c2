package bubblewrap

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
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
	u := isolation.Usage{Source: "rss"}
	pids := s.pids()
	if len(pids) == 0 {
		return u, fmt.Errorf("usage of process %d: %w", s.first, isolation.ErrClosed)
	}
	for _, pid := range pids {
		u.MemoryBytes += resident(pid)
		u.CPU += processorTime(pid)
	}
	return u, nil
}

// pids are the sandbox's processes: the first one and its descendants.
func (s *sandbox) pids() (all []int) {
	for next := []int{s.first}; len(next) > 0; next = next[1:] {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", next[0]))
		if len(lists) > 0 {
			all = append(all, next[0])
		}
		for _, list := range lists {
			text, _ := os.ReadFile(list)
			for field := range strings.FieldsSeq(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil {
					next = append(next, pid)
				}
			}
		}
	}
	return all
}

// resident reads the second field of proc(5) statm, in pages; 0 where the
// process has ended.
func resident(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// processorTime is the user and system time of a process and of the children
// that it waited for; 0 where it has ended.
func processorTime(pid int) time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	stat := cgroup.StatFields(pid)
	var sum int64
	for i := 11; i < 15 && i < len(stat); i++ { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(stat[i], 10, 64)
		sum += n
	}
	return time.Duration(sum) * tick
}
