// Package cgroup is what the backends share of Linux's control groups
// (cgroups(7)): where this process may make groups, what a CPU limit is called
// in either version, whose groups are left over, and how one is removed.
//
//	for _, t := range cgroup.Trees() {
//		if t.Controller == "cpu" {
//			dir := filepath.Join(t.Mount, t.Own, cgroup.OwnedName("lambdabench-example-"))
//			…
//		}
//	}
//
// It decides nothing: which groups a sandbox has is its backend's business.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is a hierarchy that is mounted whole, and this process's place in it.
// On a hybrid host there is one for each controller of version 1 and that of
// version 2.
type Tree struct {
	Controller string // of version 1: "memory", "cpu"; "" is version 2
	Mount      string // directory
	Own        string // this process's group, below Mount
}

// Dir is the directory of this process's own group.
func (t Tree) Dir() string { return filepath.Join(t.Mount, t.Own) }

// Trees reads /proc/self/cgroup (cgroups(7)) and /proc/self/mountinfo (proc(5)).
func Trees() (trees []Tree) {
	mounts := mounts()
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			if mount, ok := mounts[c]; ok {
				trees = append(trees, Tree{c, mount, f[2]})
			}
		}
	}
	return trees
}

// mounts are the trees whose root is mounted, by controller.
func mounts() map[string]string {
	mounts := map[string]string{}
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if m, ok := parseMount(line); ok && m.root == "/" {
			for _, c := range m.controllers {
				mounts[c] = m.at
			}
		}
	}
	return mounts
}

// mount is a tree, or a part of one, that is mounted.
type mount struct {
	controllers []string // "" of version 2; of version 1 all mount options
	root        string   // the group that is mounted
	at          string   // directory
}

func (m mount) has(controller string) bool { return slices.Contains(m.controllers, controller) }

// parseMount reads a line of mountinfo (proc(5)); ok is false for what is no cgroup
// tree.
func parseMount(line string) (m mount, ok bool) {
	left, right, _ := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if len(l) < 5 || len(r) < 3 {
		return mount{}, false
	}
	m = mount{root: l[3], at: l[4]}
	switch r[0] {
	case "cgroup2":
		m.controllers = []string{""}
	case "cgroup":
		m.controllers = strings.Split(r[2], ",")
	default:
		return mount{}, false
	}
	return m, true
}

// Delegate makes a directory in the version 2 tree whose groups have as many of
// the controllers as the host permits: in this process's own group, if that was
// delegated (MakeRoom), else in the nearest one above that passes the first of
// them on, because a group that holds processes cannot pass them on itself. Where
// none does, dir is one whose groups limit nothing, and "" where none can be
// made. passed are the controllers that its groups have.
func (t Tree) Delegate(name string, controllers ...string) (dir string, passed []string) {
	from := t.Own
	if at, ok, _ := t.MakeRoom(controllers...); ok {
		from = at
	}
	for at := from; ; at = filepath.Dir(at) {
		higher := filepath.Join(t.Mount, at, name)
		// Moving a process takes leave to write the common ancestor's list.
		if unix.Access(filepath.Join(t.Mount, at, "cgroup.procs"), unix.W_OK) == nil && os.Mkdir(higher, 0o755) == nil {
			has := slices.Contains(words(higher, "cgroup.controllers"), controllers[0])
			switch {
			case dir == "":
				dir = higher
			case has:
				os.Remove(dir)
				dir = higher
			default:
				os.Remove(higher)
			}
			if has {
				for _, c := range controllers {
					os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0)
				}
				return dir, words(dir, "cgroup.subtree_control")
			}
		}
		if at == "/" || at == "." {
			return dir, nil
		}
	}
}

func words(dir, file string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, file))
	return strings.Fields(string(text))
}

// Enter moves a process, with all its threads, into a group.
func Enter(dir string, pid int) error {
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), strconv.AppendInt(nil, int64(pid), 10), 0); err != nil {
		return fmt.Errorf("enter cgroup: %w", err)
	}
	return nil
}

// Kill ends every process in a version 2 group and those below it, those that
// left their session and process group included. It takes Linux 5.14.
func Kill(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0); err != nil {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	return nil
}

// Remove removes a group whose last processes are on their way out: a process
// that was waited for may take a moment to leave it. A group that is gone
// already is no error.
func Remove(dir string) error {
	pause := 50 * time.Microsecond
	for end := time.Now().Add(10 * time.Second); ; pause = min(2*pause, 20*time.Millisecond) {
		err := syscall.Rmdir(dir)
		if err == nil || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(end) {
			return fmt.Errorf("remove cgroup %s: %w", filepath.Base(dir), err)
		}
		time.Sleep(pause)
	}
}
