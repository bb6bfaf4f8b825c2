package process

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
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
		u.MemoryBytes, err = sumOver(pids(), proportionalSetSize)
		if errors.Is(err, fs.ErrPermission) {
			u.Source = sourceRSS
			u.MemoryBytes, err = sumOver(pids(), residentSetSize)
		}
	}
	if err == nil {
		u.CPU, err = cpuTime(g, pids)
	}
	return u, err
}

// sumOver adds up what a sandbox's processes have, the interpreter first. Others
// may end meanwhile.
func sumOver(pids []int, sizeOf func(pid int) (int64, error)) (sum int64, err error) {
	for i, pid := range pids {
		size, err := sizeOf(pid)
		if err != nil && (i == 0 || errors.Is(err, fs.ErrPermission)) {
			return 0, err
		}
		sum += size
	}
	return sum, nil
}

// Sources of the memory figure where there is no memory cgroup.
const (
	sourcePSS = "pss"
	sourceRSS = "rss"
)

// cpuTime is user and system time of the whole group; without one, that of the
// processes that are there and of children that were waited for.
func cpuTime(g *cgroup.Group, pids func() []int) (time.Duration, error) {
	if g.Has(cgroup.Unified) {
		return g.CPUTime()
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	var ticks int64
	for _, pid := range pids() {
		stat := cgroup.StatFields(pid)
		for i := 11; i < 15 && i < len(stat); i++ { // utime, stime, cutime, cstime
			var n int64
			_, _ = fmt.Sscan(stat[i], &n) // the kernel writes numbers
			ticks += n
		}
	}
	return time.Duration(ticks) * tick, nil
}

// proportionalSetSize reads Pss of proc(5) smaps_rollup, in bytes.
func proportionalSetSize(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), "Pss:"); ok {
			var kb int64
			_, err := fmt.Sscan(rest, &kb)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no Pss in smaps_rollup")
}

// residentSetSize reads the second field of proc(5) statm, in pages.
func residentSetSize(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize()), err
}

// withDescendants is a process with all that it started, and that these did.
func withDescendants(pid int) (pids []int) {
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		pids = append(pids, next[0])
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", next[0]))
		for _, list := range lists {
			text, _ := os.ReadFile(list)
			next = append(next, numbers(string(text))...)
		}
	}
	return pids
}

func numbers(text string) (all []int) {
	for f := range strings.FieldsSeq(text) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}
