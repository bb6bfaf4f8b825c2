package cgroup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Memory is what a process may take, in bytes.
type Memory struct {
	Total     int64 // the smallest of the host's memory and the limits above the process
	Available int64 // what of these is left, file cache that can be reclaimed included
}

// ReadMemory is the memory of this process: the host's, or that of the tightest
// of its own memory group and all groups above.
func ReadMemory(ctx context.Context) (Memory, error) {
	host, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Memory{}, fmt.Errorf("read the host's memory: %w", err)
	}
	m := Memory{int64(host.Total), int64(host.Available)}
	for _, controller := range []string{"memory", ""} {
		for _, dir := range Above(controller) {
			m.within(dir, controller != "")
		}
	}
	return m, nil
}

// within lowers m to what a group leaves (memory.rst, Documentation/admin-guide:
// cgroup-v1 and cgroup-v2). A group without a limit leaves all.
func (m *Memory) within(dir string, v1 bool) {
	limits, usage, prefix := []string{"memory.max", "memory.high"}, "memory.current", ""
	if v1 {
		limits, usage, prefix = []string{"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_"
	}
	used, known := number(filepath.Join(dir, usage))
	if !known {
		return
	}
	stat, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	for _, kind := range []string{"active_file", "inactive_file"} {
		used -= field(stat, prefix+kind)
	}
	for _, file := range limits {
		if limit, ok := number(filepath.Join(dir, file)); ok {
			m.Total = min(m.Total, limit)
			m.Available = min(m.Available, max(0, limit-max(0, used)))
		}
	}
}

// Above are the directories of this process's group in a controller's tree and of
// all groups above, as far as they are mounted here: a container may see a part of
// the tree alone. The controller "" is version 2.
func Above(controller string) (dirs []string) {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		m, ok := parseMount(line)
		if !ok || !m.has(controller) {
			continue
		}
		own, found := groupIn(groups, controller)
		if !found {
			return nil
		}
		below, err := filepath.Rel(m.root, own)
		if err != nil || below == ".." || strings.HasPrefix(below, "../") {
			below = "." // the root is all that is seen of the tree
		}
		for at := filepath.Join("/", below); ; at = filepath.Dir(at) {
			dirs = append(dirs, filepath.Join(m.at, at))
			if at == "/" {
				return dirs
			}
		}
	}
	return nil
}

// groupIn is this process's group in a controller's tree (cgroups(7)).
func groupIn(groups []byte, controller string) (own string, found bool) {
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			if c == controller {
				return f[2], true
			}
		}
	}
	return "", false
}

// number reads a file with one number; "max" is none.
func number(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil
}

// field is the number after a word in a control file; 0 if it is not there.
func field(text []byte, word string) int64 {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == word {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}
