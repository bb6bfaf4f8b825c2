package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

const (
	cgroupMount = "/sys/fs/cgroup"
	hybridMount = cgroupMount + "/unified"
)

// hybridCgroups tells a host that has version 1 controllers and the version 2
// hierarchy side by side.
func hybridCgroups() bool { return cgroups.Mode() == cgroups.Hybrid }

// groups is where this host lets us put containers' cgroups. The zero value is
// a host without.
type groups struct {
	version     int      // 1 or 2; 0 is none
	parent      string   // below which containers' groups go, from each hierarchy's root
	hierarchies []string // mounts: every version 1 hierarchy, or the one of version 2
	controllers []string // of memory, pids, cpu, freezer
	reason      string   // why there is none
}

// placeGroups is findGroups, with room made first in a group that was delegated
// to this process, and without what this user may not make.
func placeGroups() groups {
	if cgroups.Mode() == cgroups.Unified {
		for _, t := range cgroup.Trees() {
			if _, _, err := t.MakeRoom("memory", "pids", "cpu"); err != nil {
				return groups{reason: err.Error()}
			}
		}
	}
	g := findGroups()
	if os.Geteuid() == 0 || g.version == 0 {
		return g
	}
	if g.version == 1 {
		return groups{reason: "only root can make version 1 cgroups"}
	}
	parent := filepath.Join(cgroupMount, g.parent)
	if unix.Access(parent, unix.W_OK) != nil || unix.Access(filepath.Join(parent, "cgroup.procs"), unix.W_OK) != nil {
		return groups{reason: "no cgroup that hands controllers on was delegated to this user"}
	}
	return g
}

// findGroups puts containers below the memory cgroup that this process is in,
// so that whoever measures or limits us has them with us. In version 2 a group
// has either processes or limited children: there it is the nearest group
// above that hands its controllers on.
func findGroups() groups {
	own, unified, err := cgroups.ParseCgroupFileUnified("/proc/self/cgroup")
	if err != nil {
		return groups{reason: err.Error()}
	}
	switch cgroups.Mode() {
	case cgroups.Unavailable:
		return groups{reason: "no cgroup hierarchy is mounted"}
	case cgroups.Unified:
		return unifiedGroups(unified)
	}
	g := groups{version: 1, parent: own["memory"]}
	mounts, _ := filepath.Glob(cgroupMount + "/*")
	for _, m := range mounts {
		if info, err := os.Lstat(m); err != nil || !info.IsDir() || !isCgroup1(m) {
			continue // "cpu" may be a link to "cpu,cpuacct"
		}
		g.hierarchies = append(g.hierarchies, m)
	}
	for _, c := range []string{"memory", "pids", "cpu", "freezer"} {
		if isCgroup1(filepath.Join(cgroupMount, c)) {
			g.controllers = append(g.controllers, c)
		}
	}
	if len(g.controllers) == 0 {
		return groups{reason: "no cgroup controller is mounted"}
	}
	if _, err := os.Stat(filepath.Join(cgroupMount, "memory", g.parent)); err != nil {
		g.parent = "/" // our own path is not visible here, as in a container
	}
	return g
}

func unifiedGroups(own string) groups {
	for dir := own; ; dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(cgroupMount, dir, "cgroup.subtree_control"))
		if err == nil && slices.Contains(strings.Fields(string(b)), "memory") {
			controllers := append(strings.Fields(string(b)), "freezer")
			return groups{version: 2, parent: dir, hierarchies: []string{cgroupMount}, controllers: controllers}
		}
		if dir == "/" || dir == "." {
			return groups{reason: "no cgroup above this process hands the memory controller on (cgroup.subtree_control)"}
		}
	}
}

func isCgroup1(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.CGROUP_SUPER_MAGIC
}

// String is what versions and records call it.
func (g groups) String() string {
	switch {
	case g.version == 0:
		return "no cgroups"
	case hybridCgroups():
		return "cgroup v1 (hybrid)"
	}
	return fmt.Sprintf("cgroup v%d", g.version)
}

func (g groups) has(controller string) bool { return slices.Contains(g.controllers, controller) }

// new is the group of a container to be.
func (g groups) new(name string) *group {
	if g.version == 0 {
		return nil
	}
	return &group{groups: g, path: filepath.Join(g.parent, name)}
}

// reserve makes the directories above the containers' groups where they are
// missing: in version 1 our memory cgroup's path need not exist in the other
// hierarchies. Each is told to note before it is made.
func (g groups) reserve(note func(dir string) error) error {
	for _, h := range g.hierarchies {
		at := h
		for part := range strings.SplitSeq(strings.Trim(g.parent, "/"), "/") {
			at = filepath.Join(at, part)
			if _, err := os.Stat(at); err == nil {
				continue
			}
			if err := note(at); err != nil {
				return err
			}
			if err := os.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("make cgroup: %w", err)
			}
		}
	}
	return nil
}

// CanLimit implements isolation.Limiter.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if l == (isolation.Limits{}) {
		return nil
	}
	g := placeGroups()
	if g.version == 0 {
		return b.lacks("no limits: "+g.reason, "have cgroup version 2 controllers delegated (systemd-run --user -p Delegate=yes), or run as root")
	}
	for _, c := range []struct {
		name   string
		wanted bool
	}{{"memory", l.MemoryBytes > 0}, {"pids", l.Processes > 0}, {"cpu", l.CPUs > 0}} {
		if c.wanted && !g.has(c.name) {
			return b.lacks("the cgroup controller "+c.name+" is not there", "enable it in the kernel and in cgroup.subtree_control")
		}
	}
	return nil
}
