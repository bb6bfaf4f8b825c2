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
	if _, err := g.Usage(); err != nil {
		return nil, errors.Join(err, g.Leave())
	}
	return g, nil
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
		if len(left) == 0 {
			break
		}
		for _, pid := range left {
			_ = g.leave(pid) // a process that is ending cannot be moved
		}
		time.Sleep(20 * time.Millisecond)
	}
	return g.all.Remove()
}

// leave moves a process back to where this one came from.
func (g *MemoryGroup) leave(pid int) error {
	var errs []error
	for _, controller := range g.entered {
		errs = append(errs, g.run.Leave(controller, pid))
	}
	return errors.Join(errs...)
}
