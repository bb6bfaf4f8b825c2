package cgroup

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/shirou/gopsutil/v4/mem"
)

// OwnMemory is what a process may take, in bytes.
type OwnMemory struct {
	Total     int64 // the smallest of the host's memory and the limits above the process
	Available int64 // the part that is left, file cache that can be reclaimed included
}

// ReadMemory is the memory of this process: the host's, or that of the tightest
// of its own memory group and all groups above.
func ReadMemory(ctx context.Context) (OwnMemory, error) {
	host, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return OwnMemory{}, fmt.Errorf("read the host's memory: %w", err)
	}
	m := OwnMemory{int64(host.Total), int64(host.Available)}
	for _, controller := range []string{Memory, Unified} {
		for _, dir := range Above(controller) {
			m.within(dir, controller != Unified)
		}
	}
	return m, nil
}

// within lowers m to what a group leaves (memory.rst, Documentation/admin-guide:
// cgroup-v1 and cgroup-v2). A group without a limit leaves all.
func (m *OwnMemory) within(dir string, v1 bool) {
	limits, usage, prefix := []string{"memory.max", "memory.high"}, "memory.current", ""
	if v1 {
		limits, usage, prefix = []string{"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_"
	}
	used, err := number(filepath.Join(dir, usage))
	if err != nil {
		return
	}
	for _, kind := range []string{"active_file", "inactive_file"} {
		cache, _ := field(filepath.Join(dir, "memory.stat"), prefix+kind)
		used -= cache
	}
	for _, file := range limits {
		if limit, err := number(filepath.Join(dir, file)); err == nil {
			m.Total = min(m.Total, limit)
			m.Available = min(m.Available, max(0, limit-max(0, used)))
		}
	}
}

// TaskLimit is the most processes and threads that a group may have (cgroups(7)).
type TaskLimit struct {
	File string // pids.max
	Max  int64
	Used int64 // below 0: unknown
}

// TaskLimits are those of this process's own group and all groups above.
func TaskLimits() []TaskLimit {
	return append(taskLimits(Above(PIDs)), taskLimits(Above(Unified))...)
}

func taskLimits(dirs []string) (all []TaskLimit) {
	for _, dir := range dirs {
		file := filepath.Join(dir, "pids.max")
		if n, err := number(file); err == nil {
			used, err := number(filepath.Join(dir, "pids.current"))
			if err != nil {
				used = -1
			}
			all = append(all, TaskLimit{file, n, used})
		}
	}
	return all
}

// TasksLeft is how many further processes and threads the groups allow; limited
// is false where they allow any number.
func TasksLeft() (left int64, limited bool) {
	for _, l := range TaskLimits() {
		if room := max(0, l.Max-max(0, l.Used)); !limited || room < left {
			left, limited = room, true
		}
	}
	return left, limited
}
