package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// group is the cgroup around one container, or its groups in all hierarchies
// of version 1. It carries the limits and outlives the group inside it that
// the OCI runtime makes for the container, and removes with it: so the limits
// can be changed without a process, and what happened can be asked afterwards.
//
// Its files are read and written directly, by the names in the
// kernel's cgroup-v1 and cgroup-v2 documents: containerd/cgroups reads every
// file of every controller to tell what two of them hold, and an OCI runtime's
// own update is a process.
type group struct {
	groups
	path string
}

func (g *group) file(controller, name string) string {
	if g.version == 2 {
		return filepath.Join(cgroupMount, g.path, name)
	}
	return filepath.Join(cgroupMount, controller, g.path, name)
}

func (g *group) write(controller, name, value string) error {
	f, err := os.OpenFile(g.file(controller, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

func (g *group) number(controller, name string) (int64, error) {
	b, err := os.ReadFile(g.file(controller, name))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// keyed reads one value of a file of "key value" lines; 0 where it has none.
func (g *group) keyed(controller, name, key string) (int64, error) {
	b, err := os.ReadFile(g.file(controller, name))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			return strconv.ParseInt(v, 10, 64)
		}
	}
	return 0, nil
}

// limit replaces all limits of the group.
func (g *group) limit(l isolation.Limits) error {
	var err error
	if g.has("memory") {
		err = g.limitMemory(l.MemoryBytes)
	}
	if err == nil && g.has("pids") {
		err = g.write("pids", "pids.max", orMax(int64(l.Processes)))
	}
	if err == nil && g.has("cpu") {
		err = cgroup.LimitCPU(g.file("cpu", ""), g.version == 1, l.CPUs)
	}
	if err != nil {
		return fmt.Errorf("set limits: %w", err)
	}
	return nil
}

func orMax(n int64) string {
	if n <= 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// limitMemory bounds memory and swap together. In version 1 the sum must never
// be below the memory limit, so the order depends on the direction.
func (g *group) limitMemory(n int64) error {
	if g.version == 2 {
		if err := g.write("memory", "memory.max", orMax(n)); err != nil {
			return err
		}
		return ignoreMissing(g.write("memory", "memory.swap.max", "0"))
	}
	value := strconv.FormatInt(n, 10)
	if n <= 0 {
		value = "-1"
	}
	first := ignoreMissing(g.write("memory", "memory.memsw.limit_in_bytes", value))
	if err := g.write("memory", "memory.limit_in_bytes", value); err != nil || first == nil {
		return err
	}
	return g.write("memory", "memory.memsw.limit_in_bytes", value)
}

// ignoreMissing is for files that a kernel without swap accounting lacks.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// usage counts what the group is charged with but for page cache that can be
// dropped, as Docker does.
func (g *group) usage() (u isolation.Usage, err error) {
	current, cache, peak := "memory.usage_in_bytes", "total_inactive_file", "memory.max_usage_in_bytes"
	u.Source = "cgroup-v1"
	if g.version == 2 {
		current, cache, peak, u.Source = "memory.current", "inactive_file", "memory.peak", "cgroup-v2"
	}
	if u.MemoryBytes, err = g.number("memory", current); err != nil {
		return u, err
	}
	droppable, err := g.keyed("memory", "memory.stat", cache)
	if err != nil {
		return u, err
	}
	u.MemoryBytes -= min(droppable, u.MemoryBytes)
	if u.PeakBytes, err = g.number("memory", peak); ignoreMissing(err) != nil {
		return u, err
	}
	var n int64
	if g.version == 2 {
		n, err = g.keyed("cpu", "cpu.stat", "usage_usec")
		n *= 1000
	} else {
		n, err = g.number("cpuacct", "cpuacct.usage")
	}
	u.CPU = time.Duration(n)
	return u, err
}

// oomKilled reports whether the kernel ended a process of a container, which
// ended as e says, because of its memory limit. Version 1 counts such ends in
// the process's own group, which the OCI runtime has removed. Of ours it tells
// whether the limit was met; a function that fills its memory to the last page
// and then kills itself is told apart in version 2 only. So is one that the
// kernel killed within its limit, for want of memory above (memory.events of
// cgroups(7)): above is true then.
func (g *group) oomKilled(limit int64, e driver.End) (own, above bool) {
	if g.version == 2 {
		kills, err := g.keyed("memory", "memory.events", "oom_kill")
		if err != nil || kills == 0 {
			return false, false
		}
		met, err := g.keyed("memory", "memory.events", "oom")
		return err == nil && met > 0, err == nil && met == 0
	}
	if limit <= 0 || e.Status != driver.EndOf(syscall.WaitStatus(syscall.SIGKILL)).Status {
		return false, false
	}
	peak, err := g.number("memory", "memory.max_usage_in_bytes")
	return err == nil && peak >= limit-limit/64, false
}

// freeze stops all processes of the group and returns when they stand.
func (g *group) freeze(ctx context.Context) error {
	stands := func() (bool, error) {
		n, err := g.keyed("", "cgroup.events", "frozen")
		return n == 1, err
	}
	name, on := "cgroup.freeze", "1"
	if g.version == 1 {
		name, on = "freezer.state", "FROZEN"
		stands = func() (bool, error) {
			b, err := os.ReadFile(g.file("freezer", name))
			return strings.TrimSpace(string(b)) == on, err
		}
	}
	if err := g.write("freezer", name, on); err != nil {
		return err
	}
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		if ok, err := stands(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), g.thaw())
		case <-time.After(wait):
		}
	}
}

func (g *group) thaw() error {
	if g.version == 2 {
		return g.write("freezer", "cgroup.freeze", "0")
	}
	return g.write("freezer", "freezer.state", "THAWED")
}

// kill ends all that is in the group, frozen or not.
func (g *group) kill() {
	for _, h := range g.hierarchies {
		b, _ := os.ReadFile(filepath.Join(h, g.inner(), "cgroup.procs"))
		for field := range strings.FieldsSeq(string(b)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
	g.thaw()
}

// inner is what the OCI runtime is told to make.
func (g *group) inner() string { return filepath.Join(g.path, "container") }

// create makes the group with its limits in the hierarchies that have them.
// The OCI runtime makes it in the others.
func (g *group) create(l isolation.Limits) error {
	made := []string{""}
	if g.version == 1 {
		made = g.controllers
	}
	for _, controller := range made {
		if err := os.Mkdir(g.file(controller, ""), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	if l == (isolation.Limits{}) {
		return nil
	}
	return g.limit(l)
}

// remove removes the group from every hierarchy. Processes that were killed a
// moment ago may still hold it.
func (g *group) remove() error {
	var errs []error
	for _, h := range g.hierarchies {
		for _, path := range []string{g.inner(), g.path} {
			if err := cgroup.Remove(filepath.Join(h, path)); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
