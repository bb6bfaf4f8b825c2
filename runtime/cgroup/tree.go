package cgroup

import (
	"os"
	"path/filepath"
	"strings"
)

// Controllers, by the kernel's names.
const (
	Memory  = "memory"
	PIDs    = "pids"
	CPU     = "cpu"
	Freezer = "freezer" // in version 2 a part of every group
	Unified = ""        // version 2's tree, with whichever controllers it has
	cpuacct = "cpuacct" // in version 2 a part of every group
)

// Tree is a mounted hierarchy, and this process's place in it. On a hybrid host
// there is one for each controller of version 1 and that of version 2.
type Tree struct {
	Controller string // of version 1; Unified is version 2
	Mount      string // directory
	Own        string // this process's group, below Mount
}

// Dir is the directory of this process's own group.
func (t Tree) Dir() string { return filepath.Join(t.Mount, t.Own) }

// Trees reads /proc/self/cgroup (cgroups(7)) and /proc/self/mountinfo (proc(5)).
func Trees() []Tree {
	groups, _ := os.ReadFile("/proc/self/cgroup")
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	return treesIn(string(groups), string(mounts))
}

func treesIn(groups, mountinfo string) (trees []Tree) {
	mounts := mountsIn(mountinfo)
	for line := range strings.Lines(groups) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(f[1], ",") {
			if m, ok := mounts[controller]; ok {
				trees = append(trees, Tree{controller, m.at, m.below(f[2])})
			}
		}
	}
	return trees
}

// mount is a tree, or a part of one, that is mounted.
type mount struct {
	root string // the group that is mounted
	at   string // directory
}

// below is a group's path from the mounted one. A container may see a part of
// the tree in which its own group is not: then the root stands for it.
func (m mount) below(group string) string {
	path, err := filepath.Rel(m.root, group)
	if err != nil || path == ".." || strings.HasPrefix(path, "../") {
		return "/"
	}
	return filepath.Join("/", path)
}

// mountsIn are the mounted trees by controller. A tree that is mounted whole
// goes before a part of it.
func mountsIn(mountinfo string) map[string]mount {
	mounts := map[string]mount{}
	for line := range strings.Lines(mountinfo) {
		controllers, m := parseMount(line)
		for _, c := range controllers {
			if known, ok := mounts[c]; !ok || m.root == "/" || known.root != "/" {
				mounts[c] = m
			}
		}
	}
	return mounts
}

// parseMount reads a line of mountinfo (proc(5)). A line of no cgroup tree has
// no controllers; one of version 1 has all mount options among them.
func parseMount(line string) (controllers []string, m mount) {
	left, right, _ := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if len(l) < 5 || len(r) < 3 {
		return nil, mount{}
	}
	m = mount{root: l[3], at: l[4]}
	switch r[0] {
	case "cgroup2":
		return []string{Unified}, m
	case "cgroup":
		return strings.Split(r[2], ","), m
	}
	return nil, mount{}
}

// Above are the directories of this process's group in a controller's tree and of
// all groups above, as far as they are mounted here.
func Above(controller string) (dirs []string) {
	for _, t := range Trees() {
		if t.Controller == controller {
			return t.above()
		}
	}
	return nil
}

func (t Tree) above() (dirs []string) {
	for at := t.Own; ; at = filepath.Dir(at) {
		dirs = append(dirs, filepath.Join(t.Mount, at))
		if at == "/" || at == "." {
			return dirs
		}
	}
}

// Mode is "v1", "v2", "hybrid" (version 2 mounted beside version 1's
// controllers), or "" where no tree is mounted.
func Mode() string { return modeOf(Trees()) }

func modeOf(trees []Tree) string {
	var v1, v2 bool
	for _, t := range trees {
		v1 = v1 || t.Controller == Memory || t.Controller == CPU || t.Controller == PIDs
		v2 = v2 || t.Controller == Unified
	}
	switch {
	case v1 && v2:
		return "hybrid"
	case v1:
		return "v1"
	case v2:
		return "v2"
	}
	return ""
}
