package unikernel

import (
	"errors"
	"strconv"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// A UC that may have only a share of the processors is in a cpu cgroup of its
// own until it ends or is reset; all others are where the platform is, and
// cost nothing. Zygotes never are in such a group, so neither is what they fork.

// cpuPrefix begins the name of the directory that holds a backend's groups.
const cpuPrefix = "lambdabench-unikernel-"

// cpuGroups are a backend's cpu groups. The zero value finds out where they may be.
type cpuGroups struct {
	mu     sync.Mutex
	parent *cgroup.Group // nil: not made yet; guarded by mu
	closed bool          // guarded by mu
	serial int           // of the next group; guarded by mu
}

// ensure makes the group around the UCs' own. After a failure the next limit tries
// again. The error is an *Unavailable, but for that of a closed backend.
func (g *cpuGroups) ensure() (*cgroup.Group, error) {
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
		return nil, &isolation.Unavailable{Backend: zygote.Backend, Lacks: "no CPU limits: " + err.Error(),
			Remedy: "run as root, or under systemd-run --user -p Delegate=yes"}
	}
	g.parent = parent
	return parent, nil
}

// make makes a group with a limit.
func (g *cpuGroups) make(cpus float64) (*cgroup.Group, error) {
	parent, err := g.ensure()
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

// cpuLimit is the group of one process. With its groups alone, it is none.
type cpuLimit struct {
	groups *cpuGroups

	mu    sync.Mutex
	group *cgroup.Group // nil: none; guarded by mu
	pid   int           // of the UC, on the host; guarded by mu
	over  bool          // the process gets no further limit; guarded by mu
}

// set puts the process under a limit, or changes the limit. A host that permits none
// is one that CanLimit names. hostPID finds the process where it gets its first limit.
func (l *cpuLimit) set(cpus float64, hostPID func() (int, error)) error {
	if done, err := l.change(cpus); done || err != nil {
		return err
	}
	if _, err := l.groups.ensure(); err != nil {
		var lacking *isolation.Unavailable
		if errors.As(err, &lacking) {
			return nil
		}
		return err
	}
	pid, err := hostPID()
	if err != nil {
		return err
	}
	return l.enter(cpus, pid)
}

// change reports false where the process needs a group first.
func (l *cpuLimit) change(cpus float64) (done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return false, isolation.ErrClosed
	case l.group == nil:
		return cpus <= 0, nil
	}
	return true, l.group.Limit(isolation.Limits{CPUs: cpus})
}

func (l *cpuLimit) enter(cpus float64, pid int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return isolation.ErrClosed
	}
	group, err := l.groups.make(cpus)
	if err != nil {
		return err
	}
	if err := group.Enter(pid, cgroup.CPU); err != nil {
		return errors.Join(err, group.Remove())
	}
	l.group, l.pid = group, pid
	return nil
}

// lift is for a process that ends: it gets no further limit, and need not wait for
// its next period.
func (l *cpuLimit) lift() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.group != nil {
		// A UC that stays throttled ends all the same, later.
		_ = l.group.Limit(isolation.Limits{})
	}
}

// leave takes a process that is to be reset out of its group for good. If it
// reports false, the process is still there and must end.
func (l *cpuLimit) leave() bool {
	l.lift()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.group == nil {
		return true
	}
	// The process id is the UC's, dead or alive, until its zygote is told to kill it.
	if l.group.Leave(cgroup.CPU, l.pid) != nil {
		return false
	}
	return l.remove() == nil
}

// free removes the group of a process that was killed.
func (l *cpuLimit) free() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remove()
}

func (l *cpuLimit) limited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.group != nil
}

// remove needs l.mu.
func (l *cpuLimit) remove() error {
	if l.group == nil {
		return nil
	}
	err := l.group.Remove()
	if err == nil {
		l.group = nil
	}
	return err
}
