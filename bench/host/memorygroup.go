package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// MemoryGroup is a memory cgroup that this process is in for the length of a run. Every
// process that a backend starts is born in the group, and the kernel charges the group
// with all of their memory: anonymous pages, page tables, slab. The difference of two
// readings is the memory of a set of sandboxes; MemAvailable would mislead by hundreds
// of megabytes.
type MemoryGroup struct {
	dir    string // the group
	parent string // where this process was
	v2     bool
}

const memoryGroupPrefix = "lambdabench-run-"

// JoinMemoryGroup makes a group below the one that this process is in, and moves this
// process into it. It fails where no memory controller is delegated to this process.
func JoinMemoryGroup() (*MemoryGroup, error) {
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
	if _, err := g.Usage(); err != nil {
		return nil, errors.Join(err, g.Leave())
	}
	return g, nil
}

// findMemoryGroup reads cgroups(7) /proc/self/cgroup: "9:memory:/path" in
// version 1, "0::/path" in version 2.
func findMemoryGroup() (*MemoryGroup, error) {
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

// existing is the group at dir, or the root where dir is not visible, as in a container.
func existing(dir, root string, v2 bool) (*MemoryGroup, error) {
	for _, d := range []string{dir, root} {
		if _, err := os.Stat(filepath.Join(d, "cgroup.procs")); err == nil {
			return &MemoryGroup{parent: d, v2: v2}, nil
		}
	}
	return nil, fmt.Errorf("no memory cgroup at %s", dir)
}

func (g *MemoryGroup) move(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return fmt.Errorf("enter memory cgroup: %w", err)
	}
	return nil
}

// source is the readings' name in records.
func (g *MemoryGroup) source() string {
	if g.v2 {
		return "cgroup-v2"
	}
	return "cgroup-v1"
}

// Usage is the memory that the group is charged with, in bytes, without the page cache
// that can be dropped (inactive files).
func (g *MemoryGroup) Usage() (int64, error) {
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

// evacuate moves the processes of the group to the parent group. A process that is
// ending cannot be moved; the kernel removes it.
func (g *MemoryGroup) evacuate() {
	left, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, pid := range strings.Fields(string(left)) {
		_ = os.WriteFile(filepath.Join(g.parent, "cgroup.procs"), []byte(pid), 0)
	}
}

// Leave moves this process, and those that the backends have not ended, back to the
// parent group and removes the group. Processes that were killed a moment ago may still
// be in the group: Leave waits two seconds for their end. Leave of nil does nothing.
func (g *MemoryGroup) Leave() error {
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

// removeStale removes the groups of killed runs, with the groups that backends made in
// them. A group bears the process id of its run: the groups of running processes stay.
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

// removeGroups removes a group from its leaves up. The kernel refuses to remove a group
// that has processes, and the groups above it.
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
