package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Own code instead of containerd/cgroups: that library has no way to start a
// process inside a hybrid host's groups (it moves it there afterwards, when
// its first megabytes are already charged elsewhere), and makes every
// hierarchy where three files of two are needed.

// hierarchy is where a backend may make its groups: one directory in each of
// the host's cgroup trees, under the platform's own group. On a hybrid host
// unified holds processes together and the version 1 controllers limit them.
type hierarchy struct {
	unified     string            // version 2, "" where it cannot be used
	controllers map[string]string // version 1: "memory", "pids", "cpu" to directory
	passed      []string          // controllers that groups in unified have
	home        string            // version 1: the task list of the platform's own memory group
}

// group is the cgroups of one sandbox, a directory of the same name in each.
type group struct {
	h    *hierarchy
	name string
	fd   *os.File // of the unified directory
}

// newHierarchy makes the backend's directories. A host that permits none
// yields an empty hierarchy.
func newHierarchy(name string) *hierarchy {
	h := &hierarchy{controllers: map[string]string{}}
	for _, t := range cgroup.Trees() {
		switch t.Controller {
		case "":
			h.unified, h.passed = t.Delegate(name, "memory", "pids", "cpu")
			if _, err := os.Stat(filepath.Join(h.unified, "cgroup.kill")); h.unified != "" && err != nil { // Linux before 5.14
				os.Remove(h.unified)
				h.unified, h.passed = "", nil
			}
		case "memory", "pids", "cpu":
			dir := filepath.Join(t.Dir(), name)
			if os.Mkdir(dir, 0o755) == nil {
				h.controllers[t.Controller] = dir
			}
		}
	}
	if dir, ok := h.controllers["memory"]; ok {
		h.home = filepath.Join(filepath.Dir(dir), "tasks")
	}
	return h
}

// close removes the backend's directories; all sandboxes are gone.
func (h *hierarchy) close() error {
	var errs []error
	for _, dir := range h.dirs() {
		errs = append(errs, cgroup.Remove(dir))
	}
	return errors.Join(errs...)
}

func (h *hierarchy) dirs() []string {
	var dirs []string
	if h.unified != "" {
		dirs = append(dirs, h.unified)
	}
	for _, dir := range h.controllers {
		dirs = append(dirs, dir)
	}
	return dirs
}

// newGroup makes the group of one sandbox. Making and removing it takes some
// tens of microseconds in all, so groups are not pooled.
func (h *hierarchy) newGroup(name string) (*group, error) {
	g := &group{h: h, name: name}
	for _, dir := range h.dirs() {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			g.remove()
			return nil, fmt.Errorf("make cgroup: %w", err)
		}
	}
	if h.unified != "" {
		var err error
		if g.fd, err = os.Open(filepath.Join(h.unified, name)); err != nil {
			g.remove()
			return nil, fmt.Errorf("open cgroup: %w", err)
		}
	}
	return g, nil
}

// path of a control file; controller "" is the unified group's own.
func (g *group) path(controller, file string) string {
	dir := g.h.unified
	if v1, ok := g.h.controllers[controller]; ok {
		dir = v1
	}
	return filepath.Join(dir, g.name, file)
}

// enclose starts a process inside the group. The caller's thread, which must
// be locked, visits the version 1 memory group for the length of the fork: a
// process charges the group in which it was born.
func (g *group) enclose(attr *syscall.SysProcAttr, start func() error) error {
	if g.fd != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(g.fd.Fd())
	}
	if _, ok := g.h.controllers["memory"]; !ok {
		return start()
	}
	tid := []byte(strconv.Itoa(syscall.Gettid()))
	if err := os.WriteFile(g.path("memory", "tasks"), tid, 0); err != nil {
		return fmt.Errorf("enter memory cgroup: %w", err)
	}
	err := start()
	if home := os.WriteFile(g.h.home, tid, 0); home != nil {
		err = errors.Join(err, fmt.Errorf("leave memory cgroup: %w", home))
	}
	return err
}

// limit sets the group's limits. pids and cpu groups of version 1 are entered
// when first needed: nothing that was charged before matters to them.
func (g *group) limit(pid int, l isolation.Limits) error {
	switch _, v1 := g.h.controllers["memory"]; {
	case v1:
		limit := cmpOr(l.MemoryBytes, -1)
		// Raising goes the other way round: memory and swap together is never below memory.
		swap := os.WriteFile(g.path("memory", "memory.memsw.limit_in_bytes"), decimal(limit), 0)
		if err := os.WriteFile(g.path("memory", "memory.limit_in_bytes"), decimal(limit), 0); err != nil {
			return fmt.Errorf("limit memory to %d bytes: %w", limit, err)
		}
		if swap != nil {
			os.WriteFile(g.path("memory", "memory.memsw.limit_in_bytes"), decimal(limit), 0)
		}
	case g.controls("memory"):
		if err := os.WriteFile(g.path("", "memory.max"), decimalOrMax(l.MemoryBytes), 0); err != nil {
			return fmt.Errorf("limit memory to %d bytes: %w", l.MemoryBytes, err)
		}
		os.WriteFile(g.path("", "memory.swap.max"), []byte("0"), 0)
		os.WriteFile(g.path("", "memory.oom.group"), []byte("1"), 0)
	}
	if g.controls("pids") {
		if err := os.WriteFile(g.path("pids", "pids.max"), decimalOrMax(int64(l.Processes)), 0); err != nil {
			return fmt.Errorf("set pids.max: %w", err)
		}
		if err := g.enter("pids", pid, l.Processes > 0); err != nil {
			return err
		}
	}
	if !g.controls("cpu") {
		return nil
	}
	_, v1 := g.h.controllers["cpu"]
	if err := cgroup.LimitCPU(g.path("cpu", ""), v1, l.CPUs); err != nil {
		return err
	}
	return g.enter("cpu", pid, l.CPUs > 0)
}

// controls tells whether the group limits what a controller is for.
func (g *group) controls(controller string) bool {
	_, v1 := g.h.controllers[controller]
	return v1 || slices.Contains(g.h.passed, controller)
}

// enter moves a process into a version 1 group that is wanted.
func (g *group) enter(controller string, pid int, wanted bool) error {
	if _, v1 := g.h.controllers[controller]; !v1 || !wanted {
		return nil
	}
	if err := cgroup.Enter(g.path(controller, ""), pid); err != nil {
		return fmt.Errorf("limit %s: %w", controller, err)
	}
	return nil
}

// outOfMemory tells whether the kernel killed processes of the group for memory,
// and whether the group's own limit was met: otherwise the host, or a group above,
// ran out of memory (memory.events of cgroups(7)). In version 1 the
// peak tells, less what the kernel charges in batches.
func (g *group) outOfMemory() (killed, own bool) {
	if _, v1 := g.h.controllers["memory"]; v1 {
		limit, _ := number(g.path("memory", "memory.limit_in_bytes"))
		peak, _ := number(g.path("memory", "memory.max_usage_in_bytes"))
		return field(g.path("memory", "memory.oom_control"), "oom_kill") > 0, peak >= limit-limit/64
	}
	if g.controls("memory") {
		events := g.path("", "memory.events")
		return field(events, "oom_kill") > 0, field(events, "oom") > 0
	}
	return false, false
}

func (g *group) remove() error {
	var errs []error
	if g.fd != nil {
		g.fd.Close()
	}
	for _, dir := range g.h.dirs() {
		errs = append(errs, cgroup.Remove(filepath.Join(dir, g.name)))
	}
	return errors.Join(errs...)
}

// field reads the number after a word in a control file; 0 if it is not there.
func field(path, word string) int64 {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == word {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

func number(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

func decimalOrMax(n int64) []byte {
	if n <= 0 {
		return []byte("max")
	}
	return decimal(n)
}

func cmpOr(n, otherwise int64) int64 {
	if n <= 0 {
		return otherwise
	}
	return n
}
