package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// The cgroup around a container carries the limits. It outlives the group inside
// that the OCI runtime makes for the container, and removes with it: so the
// limits can be changed without a process, and what happened can be asked
// afterwards.

// innerGroup is the group that the OCI runtime is told to make.
const innerGroup = "container"

// limited are the controllers that the group around a container is for.
var limited = []string{cgroup.Memory, cgroup.PIDs, cgroup.CPU, cgroup.Freezer}

// makeGroup makes the cgroup around the container, if the host permits one. The
// OCI runtime makes it in the trees of other controllers.
func (s *sandbox) makeGroup(l isolation.Limits) error {
	b := s.backend
	parent, err := cgroup.Parent() // anew each time: the platform may have been moved to another group
	if err != nil {
		return nil // CanLimit says why
	}
	// In version 1 the path of our memory group need not be there in other trees.
	b.preparing.Lock()
	for _, dir := range parent.Dirs() {
		err = errors.Join(err, makeNoted(dir, b.home.note))
	}
	b.preparing.Unlock()
	if err != nil {
		return err
	}
	s.group, s.limits = parent.Child(s.id), l
	if err := s.group.Make(limited...); err != nil || l == (isolation.Limits{}) {
		return err
	}
	return s.group.Limit(l)
}

// makeNoted makes a directory and those above it, where they are missing. Each
// is told to note before it is made.
func makeNoted(dir string, note func(dir string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := errors.Join(makeNoted(filepath.Dir(dir), note), note(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make cgroup: %w", err)
	}
	return nil
}

// outOfMemory reports whether the kernel ended a process of a container, which
// ended as e says, because of the container's memory limit, or for want of memory
// above. Version 1 counts such ends in the process's own group, which the OCI
// runtime has removed. The group around tells whether the limit was met: a
// function that fills its memory to the last page and then kills itself is told
// apart in version 2 only.
func outOfMemory(g *cgroup.Group, e driver.End) (own, above bool) {
	killed, met := g.OutOfMemory()
	if g.HasV1(cgroup.Memory) {
		return met && e.Status == driver.EndOf(syscall.WaitStatus(syscall.SIGKILL)).Status, false
	}
	return killed && met, killed && !met
}

// CanLimit implements isolation.Limiter.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if l == (isolation.Limits{}) {
		return nil
	}
	g, err := cgroup.Parent()
	if err != nil {
		return b.lacks("no limits: "+err.Error(),
			"have cgroup version 2 controllers delegated (systemd-run --user -p Delegate=yes), or run as root")
	}
	for controller, wanted := range map[string]bool{
		cgroup.Memory: l.MemoryBytes > 0, cgroup.PIDs: l.Processes > 0, cgroup.CPU: l.CPUs > 0,
	} {
		if wanted && !g.Has(controller) {
			return b.lacks("the cgroup controller "+controller+" is not there",
				"enable it in the kernel and in cgroup.subtree_control")
		}
	}
	return nil
}

// describeCgroups is how versions and records call what sandboxes get of the host.
func describeCgroups() string {
	switch mode := cgroup.Mode(); mode {
	case "":
		return "no cgroups"
	case "hybrid":
		return "cgroup v1 (hybrid)"
	default:
		return "cgroup " + mode
	}
}
