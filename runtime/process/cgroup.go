package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime"
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
	memory      bool              // unified limits memory
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
	mounts := cgroupMounts()
	for _, own := range ownCgroups() {
		mount, ok := mounts[own.controller]
		if !ok {
			continue
		}
		switch own.controller {
		case "":
			h.unified = h.makeUnified(mount, own.path, name)
		case "memory", "pids", "cpu":
			dir := filepath.Join(mount, own.path, name)
			if os.Mkdir(dir, 0o755) == nil {
				h.controllers[own.controller] = dir
			}
		}
	}
	if dir, ok := h.controllers["memory"]; ok {
		h.home = filepath.Join(filepath.Dir(dir), "tasks")
	}
	return h
}

// makeUnified makes the directory in the version 2 tree: in the platform's own
// group or the nearest one above it that passes controllers on, because a
// group that holds processes cannot pass them on itself.
func (h *hierarchy) makeUnified(mount, own, name string) string {
	var plain string
	for at := own; ; at = filepath.Dir(at) {
		dir := filepath.Join(mount, at, name)
		// A fork into a group needs leave to write the common ancestor's list.
		if unix.Access(filepath.Join(mount, at, "cgroup.procs"), unix.W_OK) == nil && os.Mkdir(dir, 0o755) == nil {
			if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err != nil { // Linux before 5.14
				os.Remove(dir)
				return plain
			}
			if have, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers")); bytes.Contains(have, []byte("memory")) {
				for _, c := range []string{"+memory", "+pids", "+cpu"} {
					os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(c), 0)
				}
				h.memory = true
				if plain != "" {
					os.Remove(plain)
				}
				return dir
			}
			if plain != "" {
				os.Remove(dir)
			} else {
				plain = dir
			}
		}
		if at == "/" || at == "." {
			return plain
		}
	}
}

// close removes the backend's directories; all sandboxes are gone.
func (h *hierarchy) close() error {
	var errs []error
	for _, dir := range h.dirs() {
		errs = append(errs, removeGroup(dir))
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
func (g *group) limit(pid int, l runtime.Limits) error {
	_, v1 := g.h.controllers["memory"]
	switch {
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
	case g.h.memory:
		if err := os.WriteFile(g.path("", "memory.max"), decimalOrMax(l.MemoryBytes), 0); err != nil {
			return fmt.Errorf("limit memory to %d bytes: %w", l.MemoryBytes, err)
		}
		os.WriteFile(g.path("", "memory.swap.max"), []byte("0"), 0)
		os.WriteFile(g.path("", "memory.oom.group"), []byte("1"), 0)
	}
	if g.controls("pids") {
		if err := g.set("pids", "pids.max", decimalOrMax(int64(l.Processes)), pid, l.Processes > 0); err != nil {
			return err
		}
	}
	if !g.controls("cpu") {
		return nil
	}
	const period = 100_000 // µs, the kernel's default
	if _, v1 := g.h.controllers["cpu"]; v1 {
		quota := cmpOr(int64(l.CPUs*period), -1)
		return g.set("cpu", "cpu.cfs_quota_us", decimal(quota), pid, l.CPUs > 0)
	}
	value := fmt.Appendf(nil, "%s %d", decimalOrMax(int64(l.CPUs*period)), period)
	return g.set("cpu", "cpu.max", value, pid, l.CPUs > 0)
}

// controls tells whether the group limits what a controller is for.
func (g *group) controls(controller string) bool {
	_, v1 := g.h.controllers[controller]
	return v1 || g.h.memory
}

func (g *group) set(controller, file string, value []byte, pid int, enter bool) error {
	if err := os.WriteFile(g.path(controller, file), value, 0); err != nil {
		return fmt.Errorf("set %s: %w", file, err)
	}
	if _, v1 := g.h.controllers[controller]; v1 && enter {
		if err := os.WriteFile(g.path(controller, "cgroup.procs"), decimal(int64(pid)), 0); err != nil {
			return fmt.Errorf("enter %s cgroup: %w", controller, err)
		}
	}
	return nil
}

// oomKills counts the group's processes that the kernel killed for memory.
func (g *group) oomKills() int64 {
	if _, v1 := g.h.controllers["memory"]; v1 {
		return field(g.path("memory", "memory.oom_control"), "oom_kill")
	}
	if g.h.memory {
		return field(g.path("", "memory.events"), "oom_kill")
	}
	return 0
}

// killGroup ends every process in a unified group, those that left their
// session and process group included.
func killGroup(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0); err != nil {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	return nil
}

func (g *group) remove() error {
	var errs []error
	if g.fd != nil {
		g.fd.Close()
	}
	for _, dir := range g.h.dirs() {
		errs = append(errs, removeGroup(filepath.Join(dir, g.name)))
	}
	return errors.Join(errs...)
}

// removeGroup removes a group whose last processes are on their way out: a
// process that was waited for may take a moment to leave it.
func removeGroup(dir string) error {
	pause := 50 * time.Microsecond
	for end := time.Now().Add(10 * time.Second); ; pause = min(2*pause, 20*time.Millisecond) {
		err := syscall.Rmdir(dir)
		if err == nil || err == syscall.ENOENT {
			return nil
		}
		if err != syscall.EBUSY || time.Now().After(end) {
			return fmt.Errorf("remove cgroup %s: %w", filepath.Base(dir), err)
		}
		time.Sleep(pause)
	}
}

type ownCgroup struct{ controller, path string } // controller "" is version 2

// ownCgroups reads /proc/self/cgroup, cgroups(7).
func ownCgroups() (own []ownCgroup) {
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for c := range strings.SplitSeq(f[1], ",") {
				own = append(own, ownCgroup{c, f[2]})
			}
		}
	}
	return own
}

// cgroupMounts reads /proc/self/mountinfo, proc(5), for the trees whose root
// is mounted whole.
func cgroupMounts() map[string]string {
	mounts := map[string]string{}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return mounts
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		left, right, _ := strings.Cut(sc.Text(), " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if len(l) < 5 || len(r) < 3 || l[3] != "/" {
			continue
		}
		switch r[0] {
		case "cgroup2":
			mounts[""] = l[4]
		case "cgroup":
			for option := range strings.SplitSeq(r[2], ",") {
				mounts[option] = l[4]
			}
		}
	}
	return mounts
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
