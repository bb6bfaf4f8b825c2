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

// MakeRoom has this process's own version 2 group hand controllers on to groups
// below it, so that whatever limits the own group limits them too. It does so
// only where the group was delegated: systemd marks it (Delegate=yes), or it is
// the root of a cgroup namespace. A version 2 group has either processes or
// children with controllers, so all its processes move to a leaf first. at is
// the group that hands them on.
func (t Tree) MakeRoom(controllers ...string) (at string, ok bool, err error) {
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
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0))
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
	for _, mark := range []string{"user.delegate", "trusted.delegate"} { // systemd.exec(5); the second is root's to read
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
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	var err error
	for range 100 {
		pids := words(dir, "cgroup.procs")
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err = os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(pid), 0); errors.Is(err, unix.ESRCH) {
				err = nil
			}
		}
	}
	return fmt.Errorf("processes stay in %s: %w", dir, err)
}
