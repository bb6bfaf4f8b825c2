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
)

// The cgroup around a container carries the limits. It outlives the group inside
// that the OCI runtime makes for the container, and removes with it: so the
// limits can be changed without a process, and what happened can be asked
// afterwards.

// innerGroup is the group that the OCI runtime is told to make.
const innerGroup = "container"

// limited are the controllers that the group around a container is for.
var limited = []string{cgroup.Memory, cgroup.PIDs, cgroup.CPU, cgroup.Freezer}

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
