package unikernel

import (
	"errors"
	"strconv"
	"sync"

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
	_, err := b.cpu.find()
	return err
}

// cpuGroups are a backend's cpu groups. The zero value finds out where they may be.
type cpuGroups struct {
	mu     sync.Mutex
	parent *cgroup.Group // nil: not made yet
	closed bool
	serial int
}

// find makes the group around the UCs' own. After a failure the next limit tries
// again. The error is an *Unavailable, but for that of a closed backend.
func (g *cpuGroups) find() (*cgroup.Group, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, isolation.ErrClosed
	}
	if g.parent != nil {
		return g.parent, nil
	}
	parent, err := cgroup.New(cgroup.OwnedName(cpuPrefix), cgroup.CPU)
	if !parent.Has(cgroup.CPU) {
		return nil, &isolation.Unavailable{Backend: Name, Lacks: "no CPU limits: " + err.Error(),
			Remedy: "run as root, or under systemd-run --user -p Delegate=yes"}
	}
	g.parent = parent
	return parent, nil
}

// add makes a group with a limit.
func (g *cpuGroups) add(cpus float64) (*cgroup.Group, error) {
	parent, err := g.find()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.serial++
	group := parent.Child(strconv.Itoa(g.serial))
	g.mu.Unlock()
	if err := errors.Join(group.Make(), group.Limit(isolation.Limits{CPUs: cpus})); err != nil {
		return nil, errors.Join(err, group.Remove())
	}
	return group, nil
}

// close removes the directory; all sandboxes are closed.
func (g *cpuGroups) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	if g.parent == nil {
		return nil
	}
	return g.parent.Remove()
}

// cpuLimit is the group of one UC.
type cpuLimit struct {
	mu    sync.Mutex
	group *cgroup.Group // nil: none
	pid   int           // of the UC, on the host
	over  bool          // the UC gets no further limit
}

// limitCPU puts the UC under a limit, or changes it. A host that permits none
// is one that CanLimit names.
func (s *sandbox) limitCPU(cpus float64) error {
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	switch {
	case s.cpu.over:
		return isolation.ErrClosed
	case s.cpu.group != nil:
		return s.cpu.group.Limit(isolation.Limits{CPUs: cpus})
	case cpus <= 0:
		return nil
	}
	if _, err := s.backend.cpu.find(); err != nil {
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
	group, err := s.backend.cpu.add(cpus)
	if err != nil {
		return err
	}
	if err := group.Enter(pid, cgroup.CPU); err != nil {
		return errors.Join(err, group.Remove())
	}
	s.cpu.group, s.cpu.pid = group, pid
	return nil
}

// unlimitCPU is for a UC that ends: it gets no further limit, and need not wait
// for its next period.
func (s *sandbox) unlimitCPU() {
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	s.cpu.over = true
	if s.cpu.group != nil {
		// A UC that stays throttled ends all the same, later.
		_ = s.cpu.group.Limit(isolation.Limits{})
	}
}

// leaveCPU takes a UC that is to be reset out of its group for good. If it
// reports false, the UC is still there and must end.
func (s *sandbox) leaveCPU() bool {
	s.unlimitCPU()
	s.cpu.mu.Lock()
	defer s.cpu.mu.Unlock()
	if s.cpu.group == nil {
		return true
	}
	// The process id is the UC's, dead or alive, until its zygote is told to kill it.
	if s.cpu.group.Leave(cgroup.CPU, s.cpu.pid) != nil {
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
	l.group, l.pid, l.over = nil, 0, false
}

func (l *cpuLimit) limited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.group != nil
}

// removeCPU needs s.cpu.mu.
func (s *sandbox) removeCPU() error {
	if s.cpu.group == nil {
		return nil
	}
	err := s.cpu.group.Remove()
	if err == nil {
		s.cpu.group = nil
	}
	return err
}
