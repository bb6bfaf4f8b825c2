package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// prefix begins the name of everything that a backend makes on the host: its
// directory and its cgroups. After it come the platform's process id, that
// process's start time, and the backend's number in it, so that the next
// platform knows whether the owner still lives.
const prefix = "lambdabench-process-"

// serial numbers the backends of this process.
var serial atomic.Int64

func ownName() string {
	pid := os.Getpid()
	return fmt.Sprintf("%s%d-%s-%d", prefix, pid, startTime(pid), serial.Add(1))
}

// startTime is field 22 of proc(5) stat, in ticks since boot; empty for a
// process that is gone.
func startTime(pid int) string {
	fields := statFields(pid)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// statFields are the fields of proc(5) stat from the third on, the state.
func statFields(pid int) []string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

// orphaned tells whether name is that of a backend whose platform is gone.
func orphaned(name string) bool {
	rest, ours := strings.CutPrefix(name, prefix)
	parts := strings.Split(rest, "-")
	if !ours || len(parts) != 3 {
		return false
	}
	pid, err := strconv.Atoi(parts[0])
	return err == nil && startTime(pid) != parts[1]
}

// removeOrphans ends and removes what platforms that were killed left behind:
// beside the cgroups of h, and in dir.
func removeOrphans(h *hierarchy, dir string, u *users) error {
	var errs []error
	for _, own := range h.dirs() {
		parent := filepath.Dir(own)
		for _, name := range orphansIn(parent) {
			errs = append(errs, removeOrphanGroup(filepath.Join(parent, name), own == h.unified))
		}
	}
	for _, name := range orphansIn(dir) {
		errs = append(errs, removeOrphanDir(filepath.Join(dir, name), u))
	}
	return errors.Join(errs...)
}

func orphansIn(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && orphaned(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func removeOrphanGroup(dir string, unified bool) error {
	var errs []error
	if unified {
		errs = append(errs, killGroup(dir))
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, removeGroup(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(append(errs, removeGroup(dir))...)
}

// removeOrphanDir also ends what still runs under the users that own the
// sandboxes' directories: where there are no cgroups, that is all there is. A
// user whose block another living platform has taken since is that platform's.
func removeOrphanDir(dir string, u *users) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if u == nil || err != nil || !info.IsDir() {
			continue
		}
		if err := u.evict(info.Sys().(*syscall.Stat_t).Uid); err != nil {
			return fmt.Errorf("end leftover processes: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove leftover %s: %w", filepath.Base(dir), err)
	}
	return nil
}
