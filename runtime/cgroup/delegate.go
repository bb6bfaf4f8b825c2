package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// leafName is the group into which the processes of a delegated group move.
const leafName = "lambdabench-platform"

// delegate makes a directory in the version 2 tree whose groups have as many of
// the controllers as the host permits: in this process's own group, if that was
// delegated (makeRoom), else in the nearest one above that hands the first of
// them on, because a group that holds processes cannot hand them on itself. Where
// none does, dir is one whose groups limit nothing, and "" where none can be
// made. passed are the controllers that its groups have.
func (t Tree) delegate(name string, controllers ...string) (dir string, passed []string) {
	if at, ok, _ := t.makeRoom(controllers...); ok {
		t.Own = at
	}
	for _, above := range t.above() {
		// Moving a process takes leave to write the common ancestor's list.
		if unix.Access(filepath.Join(above, "cgroup.procs"), unix.W_OK) != nil {
			continue
		}
		higher := filepath.Join(above, name)
		if os.Mkdir(higher, 0o755) != nil {
			continue
		}
		has := len(controllers) == 0 || slices.Contains(words(higher, "cgroup.controllers"), controllers[0])
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
				_ = write(filepath.Join(dir, "cgroup.subtree_control"), "+"+c) // passed tells
			}
			return dir, words(dir, "cgroup.subtree_control")
		}
	}
	return dir, nil
}

// makeRoom has this process's own version 2 group hand controllers on to groups
// below it, so that whatever limits the own group limits them too. It does so
// only where the group was delegated: systemd marks it (Delegate=yes), or it is
// the root of a cgroup namespace. A version 2 group has either processes or
// children with controllers, so all its processes move to a leaf first. at is
// the group that hands them on.
func (t Tree) makeRoom(controllers ...string) (at string, ok bool, err error) {
	if len(controllers) == 0 {
		return "", false, nil
	}
	if filepath.Base(t.Own) == leafName { // an earlier call, of this process or its parent
		at = filepath.Dir(t.Own)
	} else if at = t.Own; !t.delegated() {
		return "", false, nil
	}
	dir := filepath.Join(t.Mount, at)
	if slices.Contains(words(dir, "cgroup.subtree_control"), controllers[0]) {
		return at, true, nil
	}
	if !slices.Contains(words(dir, "cgroup.controllers"), controllers[0]) {
		return "", false, nil
	}
	if err := emptyInto(dir, filepath.Join(dir, leafName)); err != nil {
		return "", false, fmt.Errorf("make room below cgroup %s: %w", at, err)
	}
	for _, c := range controllers {
		err = errors.Join(err, write(filepath.Join(dir, "cgroup.subtree_control"), "+"+c))
	}
	if slices.Contains(words(dir, "cgroup.subtree_control"), controllers[0]) {
		return at, true, nil // others may be missing, as passed shows
	}
	return "", false, fmt.Errorf("hand controllers of cgroup %s on: %w", at, err)
}

// delegated tells whether the own group is ours to divide.
func (t Tree) delegated() bool {
	dir := t.Dir()
	if unix.Access(filepath.Join(dir, "cgroup.subtree_control"), unix.W_OK) != nil {
		return false
	}
	if t.Own == "/" {
		_, err := os.Stat(filepath.Join(dir, "cgroup.type")) // the host's root has none
		return err == nil
	}
	// systemd.exec(5); the second is root's to read
	for _, mark := range []string{"user.delegate", "trusted.delegate"} {
		var value [8]byte
		if n, err := unix.Getxattr(dir, mark, value[:]); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// emptyInto moves all processes of a group into a leaf below it. New ones may
// appear meanwhile: a moved process has its children in the leaf.
func emptyInto(dir, leaf string) error {
	err := makeDirs(leaf)
	if err != nil {
		return err
	}
	for range 100 {
		pids := words(dir, "cgroup.procs")
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err = write(filepath.Join(leaf, "cgroup.procs"), pid); errors.Is(err, unix.ESRCH) {
				err = nil
			}
		}
	}
	return fmt.Errorf("processes stay in %s: %w", dir, err)
}
