package host

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// MemoryGroup is a memory cgroup that this process is in for the length of a run. Every
// process that a backend starts is born in the group, and the kernel charges the group
// with all of their memory: anonymous pages, page tables, slab. The difference of two
// readings is the memory of a set of sandboxes; MemAvailable would mislead by hundreds
// of megabytes.
//
// Where there is a CPU controller, the group has it too. Outside CPU groups the scheduler
// may share the processors between sessions (autogroup, sched(7)): a backend whose
// sandboxes have a session each would then get a larger part of a busy host than one whose
// sandboxes are in one session.
type MemoryGroup struct {
	all *cgroup.Group // is charged with the groups that backends make, too
	run *cgroup.Group // in all: holds this process, which all may not in version 2

	entered []string // controllers

	// times counts CPU time in version 2's tree, where all is in trees of version 1 alone.
	// The CPU time of version 1 has a tree of its own, in which an OCI runtime's containers
	// are not below this process. nil: all counts, or nothing does.
	times *cgroup.Group
}

const memoryGroupPrefix = "lambdabench-run-"

// JoinMemoryGroup makes a group below the one that this process is in, and moves this
// process into it. It fails where no memory controller is delegated to this process.
// The groups of killed runs are removed first.
func JoinMemoryGroup() (*MemoryGroup, error) {
	if err := cgroup.Sweep(memoryGroupPrefix); err != nil {
		return nil, fmt.Errorf("remove the cgroups of a killed run: %w", err)
	}
	// The backends' own groups take the other controllers from this one in version 2.
	all, err := cgroup.New(cgroup.OwnedName(memoryGroupPrefix), cgroup.Memory, cgroup.PIDs, cgroup.CPU)
	if !all.Has(cgroup.Memory) {
		return nil, errors.Join(err, all.Remove())
	}
	g := &MemoryGroup{all: all, run: all.Child("run"), entered: []string{cgroup.Memory}}
	if all.Has(cgroup.CPU) {
		g.entered = append(g.entered, cgroup.CPU)
	}
	if err := errors.Join(g.run.Make(), g.run.Enter(os.Getpid(), g.entered...)); err != nil {
		return nil, errors.Join(err, g.leave(os.Getpid()), all.Remove())
	}
	if err := g.countTimes(); err != nil {
		return nil, errors.Join(err, g.Leave())
	}
	if _, err := g.Usage(); err != nil {
		return nil, errors.Join(err, g.Leave())
	}
	return g, nil
}

// countTimes moves this process into a group of version 2 where g is in none. Processes are
// born in the group of the one that starts them, and an OCI runtime for version 1 leaves
// them there.
func (g *MemoryGroup) countTimes() error {
	if g.all.Has(cgroup.Unified) {
		return nil
	}
	times, err := cgroup.New(cgroup.OwnedName(memoryGroupPrefix), cgroup.Unified)
	if !times.Has(cgroup.Unified) {
		return nil // no such tree: CPUTime says that nothing counts
	}
	g.times = times
	return errors.Join(err, times.Enter(os.Getpid(), cgroup.Unified))
}

// CPUTime is user and system time of this process and of all that it and its descendants
// started in the group, of those that have ended too. ok is false where no group counts it.
func (g *MemoryGroup) CPUTime() (t time.Duration, source string, ok bool) {
	if g == nil {
		return 0, "", false
	}
	counter := g.all
	if g.times != nil {
		counter = g.times
	}
	if !counter.Has(cgroup.Unified) {
		return 0, "", false
	}
	t, err := counter.CPUTime()
	return t, "cgroup-v2", err == nil
}

// source is the readings' name in records.
func (g *MemoryGroup) source() string { return g.all.Source() }

// Usage is the memory that the group is charged with, in bytes, without the page cache
// that can be dropped (inactive files).
func (g *MemoryGroup) Usage() (int64, error) {
	u, err := g.all.Usage()
	if err != nil {
		return 0, fmt.Errorf("read memory cgroup: %w", err)
	}
	return u.MemoryBytes, nil
}

// Leave moves this process, and those that the backends have not ended, back to the
// group that this process came from, and removes the group. Leave of nil does nothing.
func (g *MemoryGroup) Leave() error {
	if g == nil {
		return nil
	}
	if err := g.leave(os.Getpid()); err != nil {
		return err
	}
	for range 100 { // a process may have started another meanwhile
		left := g.run.Processes()
		if g.times != nil {
			left = append(left, g.times.Processes()...)
		}
		if len(left) == 0 {
			break
		}
		for _, pid := range left {
			_ = g.leave(pid) // a process that is ending cannot be moved
		}
		time.Sleep(20 * time.Millisecond)
	}
	if g.times != nil {
		return errors.Join(g.all.Remove(), g.times.Remove())
	}
	return g.all.Remove()
}

// leave moves a process back to where this one came from.
func (g *MemoryGroup) leave(pid int) error {
	var errs []error
	for _, controller := range g.entered {
		errs = append(errs, g.run.Leave(controller, pid))
	}
	if g.times != nil {
		errs = append(errs, g.times.Leave(cgroup.Unified, pid))
	}
	return errors.Join(errs...)
}
