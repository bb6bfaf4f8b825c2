package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Parent is the group below which an OCI runtime's groups go, so that whoever
// measures or limits this process has them as well: this process's own memory
// group, whose path stands for all trees of version 1. In version 2 a group has
// either processes or limited children: there it is the nearest group above that
// hands its controllers on, after room was made in one that was delegated. The
// error says why there is none for this user.
func Parent() (*Group, error) {
	trees := Trees()
	var unified *Tree
	for _, t := range trees {
		switch t.Controller {
		case Memory:
			g := at(trees, t.Own)
			if unix.Access(g.v1[Memory], unix.W_OK) != nil {
				return nil, errors.New("only root can make version 1 cgroups")
			}
			return g, nil
		case Unified:
			unified = &t
		}
	}
	switch {
	case modeOf(trees) == "":
		return nil, errors.New("no cgroup hierarchy is mounted")
	case unified == nil || modeOf(trees) != "v2":
		return nil, errors.New("no memory controller is mounted")
	}
	if _, _, err := unified.makeRoom(Memory, PIDs, CPU); err != nil {
		return nil, err
	}
	return unified.nearest(trees)
}

// nearest is the nearest group above that hands the memory controller on.
func (t Tree) nearest(trees []Tree) (*Group, error) {
	for _, dir := range t.above() {
		if !slices.Contains(words(dir, "cgroup.subtree_control"), Memory) {
			continue
		}
		if unix.Access(dir, unix.W_OK) != nil || unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) != nil {
			return nil, errors.New("no cgroup that hands controllers on was delegated to this user")
		}
		path, err := filepath.Rel(t.Mount, dir)
		if err != nil {
			return nil, fmt.Errorf("cgroup %s: %w", dir, err)
		}
		return at(trees, filepath.Join("/", path)), nil
	}
	return nil, errors.New("no cgroup above this process hands the memory controller on (cgroup.subtree_control)")
}

// At is the group of a path in every tree of version 1, or in that of version 2
// where there is no other. It need not be there.
func At(path string) *Group { return at(Trees(), path) }

func at(trees []Tree, path string) *Group {
	g := &Group{v1: map[string]string{}, path: path}
	v2 := modeOf(trees) == "v2"
	for _, t := range trees {
		switch dir := filepath.Join(t.Mount, path); {
		case t.Controller != Unified:
			g.v1[t.Controller] = dir
		case v2:
			g.v2, g.passed = dir, words(dir, "cgroup.subtree_control")
		}
	}
	return g
}
