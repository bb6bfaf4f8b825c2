package process

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// usage of the sandbox: what its cgroup is charged without the file cache that
// could be dropped at once, or, where there is no memory cgroup, the
// proportional set sizes of its processes. To read those of another user's
// process takes CAP_SYS_PTRACE, which root lacks in a container: what is left
// are resident set sizes, in which shared pages count in every process.
func (s *sandbox) usage() (isolation.Usage, error) {
	u := isolation.Usage{Source: s.backend.cgroups.source()}
	var err error
	if u.Source == sourcePSS {
		u.MemoryBytes, err = sumOver(s.pids(), proportionalSetSize)
		if errors.Is(err, fs.ErrPermission) {
			u.Source = sourceRSS
			u.MemoryBytes, err = sumOver(s.pids(), residentSetSize)
		}
	} else {
		u.MemoryBytes, u.PeakBytes, err = s.group.memory()
	}
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", s.cmd.Process.Pid, err)
	}
	u.CPU = s.cpu()
	return u, nil
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

// Sources of the memory figure.
const (
	sourceV1  = "cgroup-v1"
	sourceV2  = "cgroup-v2"
	sourcePSS = "pss"
	sourceRSS = "rss"
)

func (h *hierarchy) source() string {
	if _, ok := h.controllers["memory"]; ok {
		return sourceV1
	}
	if slices.Contains(h.passed, "memory") {
		return sourceV2
	}
	return sourcePSS
}

func (g *group) memory() (now, peak int64, err error) {
	usage, max, stat, idle := "memory.current", "memory.peak", g.path("", "memory.stat"), "inactive_file"
	controller := ""
	if g.h.source() == sourceV1 {
		controller, usage, max = "memory", "memory.usage_in_bytes", "memory.max_usage_in_bytes"
		stat, idle = g.path("memory", "memory.stat"), "total_inactive_file"
	}
	if now, err = number(g.path(controller, usage)); err != nil {
		return 0, 0, err
	}
	peak, _ = number(g.path(controller, max)) // Linux before 5.19 has no memory.peak
	return now - field(stat, idle), peak, nil
}

// cpu is user and system time of the whole group; without one, that of the
// processes that are there and of children that were waited for.
func (s *sandbox) cpu() time.Duration {
	if s.group.fd != nil {
		return time.Duration(field(s.group.path("", "cpu.stat"), "usage_usec")) * time.Microsecond
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	var ticks int64
	for _, pid := range s.pids() {
		stat := cgroup.StatFields(pid)
		for i := 11; i < 15 && i < len(stat); i++ { // utime, stime, cutime, cstime
			var n int64
			fmt.Sscan(stat[i], &n)
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
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
