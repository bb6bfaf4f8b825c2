package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memoryGroup is a memory cgroup that this process moves into for the length
// of a run. All that the backends start is born in it, whoever forks it, and
// the kernel charges it with everything that they take: anonymous memory,
// page tables, slab. The difference of two readings is what a set of
// instances costs; MemAvailable would mislead by hundreds of megabytes.
type memoryGroup struct {
	dir    string // the group
	parent string // where this process was
	v2     bool
}

const memoryGroupPrefix = "lambdabench-run-"

// joinMemoryGroup makes the group below the one that this process is in. It
// fails where no controller is delegated to us.
func joinMemoryGroup() (*memoryGroup, error) {
	g, err := findMemoryGroup()
	if err != nil {
		return nil, err
	}
	removeStale(g.parent)
	g.dir = filepath.Join(g.parent, memoryGroupPrefix+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make memory cgroup: %w", err)
	}
	if err := g.move(g.dir); err != nil {
		return nil, errors.Join(err, os.Remove(g.dir))
	}
	if _, err := g.usage(); err != nil {
		return nil, errors.Join(err, g.leave())
	}
	return g, nil
}

// findMemoryGroup reads cgroups(7) /proc/self/cgroup: "9:memory:/path" in
// version 1, "0::/path" in version 2.
func findMemoryGroup() (*memoryGroup, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var v2 string
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for _, c := range strings.Split(f[1], ",") {
			if c == "memory" {
				return existing(filepath.Join("/sys/fs/cgroup/memory", f[2]), "/sys/fs/cgroup/memory", false)
			}
		}
		if f[0] == "0" {
			v2 = f[2]
		}
	}
	if cgroupMode() != "v2" {
		return nil, errors.New("no memory controller is mounted")
	}
	return existing(filepath.Join("/sys/fs/cgroup", v2), "/sys/fs/cgroup", true)
}

// existing takes the root where our own path is not visible, as in a container.
func existing(dir, root string, v2 bool) (*memoryGroup, error) {
	for _, d := range []string{dir, root} {
		if _, err := os.Stat(filepath.Join(d, "cgroup.procs")); err == nil {
			return &memoryGroup{parent: d, v2: v2}, nil
		}
	}
	return nil, fmt.Errorf("no memory cgroup at %s", dir)
}

func (g *memoryGroup) move(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return fmt.Errorf("enter memory cgroup: %w", err)
	}
	return nil
}

// source is what records call the readings.
func (g *memoryGroup) source() string {
	if g.v2 {
		return "cgroup-v2"
	}
	return "cgroup-v1"
}

// usage is what the group is charged with, in bytes, without the page cache
// that can be dropped (inactive files).
func (g *memoryGroup) usage() (int64, error) {
	name, cache := "memory.usage_in_bytes", "total_inactive_file "
	if g.v2 {
		name, cache = "memory.current", "inactive_file "
	}
	b, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		return 0, fmt.Errorf("read memory cgroup: %w", err)
	}
	used := atoi(string(b))
	stat, err := os.ReadFile(filepath.Join(g.dir, "memory.stat"))
	if err != nil {
		return 0, fmt.Errorf("read memory cgroup: %w", err)
	}
	for line := range strings.Lines(string(stat)) {
		if rest, ok := strings.CutPrefix(line, cache); ok {
			used -= atoi(rest)
		}
	}
	return used, nil
}

// evacuate moves the processes that are left to the parent group. One that is
// ending cannot be moved, and need not be.
func (g *memoryGroup) evacuate() {
	left, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, pid := range strings.Fields(string(left)) {
		_ = os.WriteFile(filepath.Join(g.parent, "cgroup.procs"), []byte(pid), 0)
	}
}

// leave moves this process back, and with it what the backends keep until they
// are closed, and removes the group. Processes that were killed a moment ago may
// still hold it.
func (g *memoryGroup) leave() error {
	if g == nil {
		return nil
	}
	if err := g.move(g.parent); err != nil {
		return err
	}
	var err error
	for range 100 {
		if err = os.Remove(g.dir); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		g.evacuate()
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("remove memory cgroup: %w", err)
}

// removeStale removes the groups of runs that were killed, with the groups that
// backends made in them. A run that lives is left alone: its number is that of
// its process.
func removeStale(parent string) {
	old, err := filepath.Glob(filepath.Join(parent, memoryGroupPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range old {
		pid := strings.TrimPrefix(filepath.Base(dir), memoryGroupPrefix)
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, os.ErrNotExist) {
			removeGroups(dir)
		}
	}
}

// removeGroups removes a group from its leaves up. One that still has processes
// refuses by itself, and so do those above it.
func removeGroups(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(filepath.Join(dir, e.Name()))
		}
	}
	os.Remove(dir)
}

// cgroupMode is "v1", "v2" or "hybrid" (version 2 mounted beside version 1's
// controllers).
func cgroupMode() string {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "v2"
	}
	if _, err := os.Stat("/sys/fs/cgroup/unified/cgroup.controllers"); err == nil {
		return "hybrid"
	}
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil {
		return "v1"
	}
	return ""
}
