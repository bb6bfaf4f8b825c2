package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Group is a control group: one directory in each of some trees. The zero value
// is in none, and limits nothing.
type Group struct {
	v1     map[string]string // directory by controller
	v2     string            // directory; "" where the group is not in that tree
	passed []string          // controllers of v2 that the group has, or that those in it have
	path   string            // from every tree's root; of Parent's groups alone
	home   map[string]string // v1's and v2's directories that hold this process
}

// New makes a group for other groups below this process's own, in the trees of
// the controllers: version 1's where it has them, else version 2's. Unified
// among the controllers asks for version 2's tree in any case, which holds
// processes together also where it limits nothing. A controller that the group
// cannot have is missing from it ([Group.Has]), and the error says why.
func New(name string, controllers ...string) (*Group, error) {
	g := &Group{v1: map[string]string{}, home: map[string]string{}}
	var errs []error
	trees := Trees()
	for _, t := range trees {
		if t.Controller != Unified && slices.Contains(controllers, t.Controller) {
			errs = append(errs, g.addV1(t, name))
		}
	}
	rest := slices.DeleteFunc(slices.Clone(controllers), g.HasV1)
	for _, t := range trees {
		if t.Controller == Unified && len(rest) > 0 {
			errs = append(errs, g.addV2(t, name, rest))
		}
	}
	if rest = slices.DeleteFunc(rest, g.Has); len(rest) > 0 {
		errs = append(errs, fmt.Errorf("no cgroup can be made with the controllers %q", rest))
	}
	return g, errors.Join(errs...)
}

func (g *Group) addV1(t Tree, name string) error {
	dir := filepath.Join(t.Dir(), name)
	if err := makeDirs(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, quotaFile)); t.Controller == CPU && err != nil {
		return errors.Join(errors.New("the kernel bounds no CPU time (CONFIG_CFS_BANDWIDTH)"), Remove(dir))
	}
	g.v1[t.Controller], g.home[t.Controller] = dir, t.Dir()
	return nil
}

// addV2 adds a group of version 2, unless that would be of no use: it has none
// of the controllers, or cannot be killed (Linux before 5.14) and was to hold
// processes together.
func (g *Group) addV2(t Tree, name string, controllers []string) error {
	hold := slices.Contains(controllers, Unified)
	controllers = slices.DeleteFunc(slices.Clone(controllers), func(c string) bool { return c == Unified })
	if g.v2, g.passed = t.delegate(name, controllers...); g.v2 == "" {
		return nil
	}
	if hold && !g.CanKill() || !hold && len(g.passed) == 0 {
		dir := g.v2
		g.v2, g.passed = "", nil
		return Remove(dir)
	}
	for _, now := range Trees() { // this process may have been moved to make room
		if now.Controller == Unified {
			g.home[Unified] = now.Dir()
		}
	}
	return nil
}

// Child is the group of that name in g. It is not made yet.
func (g *Group) Child(name string) *Group {
	c := *g
	c.v1 = map[string]string{}
	for controller, dir := range g.v1 {
		c.v1[controller] = filepath.Join(dir, name)
	}
	if g.v2 != "" {
		c.v2 = filepath.Join(g.v2, name)
	}
	c.path = filepath.Join(g.path, name)
	return &c
}

// Make makes the group in its trees, or in those of some controllers alone. A
// group that is there already is no error.
func (g *Group) Make(controllers ...string) error {
	if len(controllers) == 0 {
		return makeDirs(g.Dirs()...)
	}
	var dirs []string
	for _, c := range controllers {
		if g.Has(c) {
			dirs = append(dirs, g.dir(c))
		}
	}
	return makeDirs(dirs...)
}

func makeDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	return nil
}

// Has reports whether the group has a controller; Unified is the tree of version 2.
func (g *Group) Has(controller string) bool {
	switch _, v1 := g.v1[controller]; {
	case v1:
		return true
	case controller == Unified || controller == Freezer || controller == cpuacct:
		return g.v2 != ""
	}
	return slices.Contains(g.passed, controller)
}

// HasV1 reports whether the group has a controller of version 1, with a tree of its own.
func (g *Group) HasV1(controller string) bool {
	_, v1 := g.v1[controller]
	return v1
}

// Dirs are the group's directories.
func (g *Group) Dirs() []string {
	dirs := slices.Sorted(maps.Values(g.v1))
	if g.v2 != "" {
		dirs = append(dirs, g.v2)
	}
	return slices.Compact(dirs)
}

// Path is the group's from the root of every tree, for an OCI runtime.
func (g *Group) Path() string { return g.path }

// dir is where a controller's files are.
func (g *Group) dir(controller string) string {
	if dir, v1 := g.v1[controller]; v1 {
		return dir
	}
	return g.v2
}

func (g *Group) file(controller, name string) string { return filepath.Join(g.dir(controller), name) }

// Enter moves a process, with all its threads, into the group in the
// controllers' trees.
func (g *Group) Enter(pid int, controllers ...string) error {
	for _, c := range controllers {
		if err := Enter(g.dir(c), pid); err != nil {
			return err
		}
	}
	return nil
}

// Leave moves a process to where this one was when the group was made.
func (g *Group) Leave(controller string, pid int) error {
	if g.HasV1(controller) {
		return Enter(g.home[controller], pid)
	}
	return Enter(g.home[Unified], pid)
}

// Enter moves a process into the group of a directory.
func Enter(dir string, pid int) error {
	if err := write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
		return fmt.Errorf("enter cgroup %s: %w", filepath.Base(dir), err)
	}
	return nil
}

// Processes are those of the group in version 2's tree, or in all of version 1.
func (g *Group) Processes() (pids []int) {
	dirs := g.Dirs()
	if g.v2 != "" {
		dirs = []string{g.v2}
	}
	for _, dir := range dirs {
		pids = append(pids, processes(dir)...)
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

func processes(dir string) (pids []int) {
	for _, word := range words(dir, "cgroup.procs") {
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 { // 0 is one of another pid namespace
			pids = append(pids, pid)
		}
	}
	return pids
}

// Remove removes the group, with the groups in it. Processes that were killed a
// moment ago may hold it for another moment.
func (g *Group) Remove() error {
	var errs []error
	for _, dir := range g.Dirs() {
		errs = append(errs, Remove(dir))
	}
	return errors.Join(errs...)
}

// removePatience is how long the last processes of a group have to leave it.
const removePatience = 10 * time.Second

// Remove removes the group of a directory, and the groups in it. A group that
// is gone already is no error.
func Remove(dir string) error {
	pause := 50 * time.Microsecond
	for end := time.Now().Add(removePatience); ; pause = min(2*pause, 20*time.Millisecond) {
		err := syscall.Rmdir(dir)
		if err == nil || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(end) {
			return fmt.Errorf("remove cgroup %s: %w", filepath.Base(dir), err)
		}
		for _, below := range children(dir) {
			if err := Remove(below); err != nil {
				return err
			}
		}
		time.Sleep(pause)
	}
}

// children are the groups in a group.
func children(dir string) (dirs []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(dir, e.Name()))
		}
	}
	return dirs
}
