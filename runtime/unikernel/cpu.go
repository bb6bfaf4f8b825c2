package unikernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// A UC that may have only a share of the processors is in a cpu cgroup of its
// own until it ends or is reset; all others are where the platform is, and
// cost nothing. Zygotes never are in such a group, so neither is what they fork.

// cpuPrefix begins the name of the directory that holds a backend's groups.
const cpuPrefix = "lambdabench-unikernel-"

// CanLimit implements isolation.Limiter. Memory is bounded by the UC's own
// kernel, and processes are not to be had in it.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if l.CPUs <= 0 {
		return nil
	}
	return b.cpu.find()
}

// cpuGroups is where a backend's cpu groups are. The zero value finds out.
type cpuGroups struct {
	mu     sync.Mutex
	sought bool
	err    error
	dir    string
	home   string // the platform's own group, where its tender is
	v1     bool
	serial int
}

// find makes the directory, once. The error is an *Unavailable.
func (g *cpuGroups) find() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.sought {
		tree := cpuTree()
		g.sought, g.home, g.v1 = true, tree.Dir(), tree.Controller != ""
		g.dir, g.err = makeCPUGroups(tree, cgroup.OwnedName(cpuPrefix))
	}
	return g.err
}

// cpuTree is version 1's, where the controller is there, else that of version
// 2. A host that has neither yields none.
func cpuTree() (found cgroup.Tree) {
	for _, t := range cgroup.Trees() {
		if t.Controller == "cpu" {
			return t
		}
		if t.Controller == "" {
			found = t
		}
	}
	return found
}

func makeCPUGroups(tree cgroup.Tree, name string) (dir string, err error) {
	const remedy = "run as root, or under systemd-run --user -p Delegate=yes"
	lacks := func(what, remedy string) (string, error) {
		return "", &isolation.Unavailable{Backend: Name, Lacks: "no CPU limits: " + what, Remedy: remedy}
	}
	if tree.Mount == "" {
		return lacks("no cgroup tree with the cpu controller is mounted", "mount -t cgroup2 none /sys/fs/cgroup")
	}
	if tree.Controller != "" {
		dir = filepath.Join(tree.Dir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return lacks("no cpu cgroup can be made: "+err.Error(), "run as root")
		}
		if _, err := os.Stat(filepath.Join(dir, "cpu.cfs_quota_us")); err != nil {
			os.Remove(dir)
			return lacks("the kernel bounds no CPU time", "a kernel with CONFIG_CFS_BANDWIDTH")
		}
		return dir, nil
	}
	dir, passed := tree.Delegate(name, "cpu")
	switch {
	case dir == "":
		return lacks("no cgroup can be made", remedy)
	case len(passed) == 0:
		os.Remove(dir)
		return lacks("no cgroup above this process hands the cpu controller on (cgroup.subtree_control)", remedy)
	}
	return dir, nil
}

// sweepCPUGroups removes what platforms that were killed left behind. Their
// UCs are gone or on their way out.
func sweepCPUGroups() error {
	tree := cpuTree()
	if tree.Mount == "" {
		return nil
	}
	var errs []error
	for at := tree.Own; ; at = filepath.Dir(at) {
		dir := filepath.Join(tree.Mount, at)
		if unix.Access(dir, unix.W_OK) == nil {
			for _, name := range cgroup.Orphans(cpuPrefix, dir) {
				errs = append(errs, cgroup.RemoveTree(filepath.Join(dir, name)))
			}
		}
		if tree.Controller != "" || at == "/" || at == "." {
			return errors.Join(errs...)
		}
	}
}

// add makes a group with a limit.
func (g *cpuGroups) add(cpus float64) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serial++
	dir := filepath.Join(g.dir, strconv.Itoa(g.serial))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cpu cgroup: %w", err)
	}
	if err := cgroup.LimitCPU(dir, g.v1, cpus); err != nil {
		return "", errors.Join(err, cgroup.Remove(dir))
	}
	return dir, nil
}

// close removes the directory; all sandboxes are closed.
func (g *cpuGroups) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	dir := g.dir
	g.sought, g.dir, g.err = true, "", isolation.ErrClosed
	if dir == "" {
		return nil
	}
	return cgroup.Remove(dir)
}

// cpuLimit is the group of one UC.
type cpuLimit struct {
	mu   sync.Mutex
	dir  string // "": none
	pid  int    // of the UC, on the host
	over bool   // the UC gets no further limit
}

// limitCPU puts the UC under a limit, or changes it. A host that permits none
// is one that CanLimit names.
func (s *sandbox) limitCPU(cpus float64) error {
	groups := &s.backend.cpu
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	switch {
	case s.cpu.over:
		return isolation.ErrClosed
	case s.cpu.dir != "":
		return cgroup.LimitCPU(s.cpu.dir, groups.v1, cpus)
	case cpus <= 0:
		return nil
	}
	if err := groups.find(); err != nil {
		var lacking *isolation.Unavailable
		if errors.As(err, &lacking) {
			return nil
		}
		return err
	}
	pid, err := s.hostPID()
	if err != nil {
		return err
	}
	dir, err := groups.add(cpus)
	if err != nil {
		return err
	}
	if err := cgroup.Enter(dir, pid); err != nil {
		return errors.Join(err, cgroup.Remove(dir))
	}
	s.cpu.dir, s.cpu.pid = dir, pid
	return nil
}

// unlimitCPU is for a UC that ends: it gets no further limit, and need not wait
// for its next period.
func (s *sandbox) unlimitCPU() {
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	s.cpu.over = true
	if s.cpu.dir != "" {
		// A UC that stays throttled ends all the same, later.
		_ = cgroup.LimitCPU(s.cpu.dir, s.backend.cpu.v1, 0)
	}
}

// leaveCPU takes a UC that is to be reset out of its group for good. If it
// reports false, the UC is still there and must end.
func (s *sandbox) leaveCPU() bool {
	s.unlimitCPU()
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	if s.cpu.dir == "" {
		return true
	}
	// The process id is the UC's, dead or alive, until its zygote is told to kill it.
	if cgroup.Enter(s.backend.cpu.home, s.cpu.pid) != nil {
		return false
	}
	return s.removeCPU() == nil
}

// freeCPU removes the group of a UC that was killed.
func (s *sandbox) freeCPU() error {
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	return s.removeCPU()
}

// reset is for a UC that gets another process.
func (l *cpuLimit) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dir, l.pid, l.over = "", 0, false
}

func (l *cpuLimit) limited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dir != ""
}

// removeCPU needs s.cpu.mu.
func (s *sandbox) removeCPU() error {
	if s.cpu.dir == "" {
		return nil
	}
	err := cgroup.Remove(s.cpu.dir)
	if err == nil {
		s.cpu.dir = ""
	}
	return err
}
