package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// serial tells apart what one process owns.
var serial atomic.Int64

// OwnedName is a name for what this process makes on the host, for whoever
// finds it later to see whether its owner still lives: after the prefix come
// the process id, the process's start time and a number.
func OwnedName(prefix string) string {
	pid := os.Getpid()
	return fmt.Sprintf("%s%d-%s-%d", prefix, pid, StartTime(pid), serial.Add(1))
}

// Orphaned tells whether name is one of OwnedName's, of a process that is gone.
func Orphaned(prefix, name string) bool {
	rest, ours := strings.CutPrefix(name, prefix)
	parts := strings.Split(rest, "-")
	if !ours || len(parts) != 3 {
		return false
	}
	pid, err := strconv.Atoi(parts[0])
	return err == nil && StartTime(pid) != parts[1]
}

// Orphans are the directories in dir that are Orphaned, of this user alone:
// those of other users are theirs to remove, also where this one could. Anybody
// can make a directory of any name in /tmp.
func Orphans(prefix, dir string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !Orphaned(prefix, e.Name()) {
			continue
		}
		if info.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// Sweep ends and removes what processes that are gone left of groups that they
// made with New, by names of OwnedName with this prefix.
func Sweep(prefix string) error {
	var errs []error
	for _, t := range Trees() {
		dirs := []string{t.Dir()}
		if t.Controller == Unified { // New climbs to a group that hands its controllers on
			dirs = t.above()
		}
		for _, dir := range dirs {
			for _, left := range Orphans(prefix, dir) {
				g := &Group{v1: map[string]string{t.Controller: left}}
				if t.Controller == Unified {
					g = &Group{v2: left}
				}
				errs = append(errs, g.Kill(), g.Remove())
			}
		}
	}
	return errors.Join(errs...)
}

// StartTime is field 22 of proc(5) stat, in ticks since boot; empty for a
// process that is gone.
func StartTime(pid int) string {
	fields := StatFields(pid)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// StatFields are the fields of proc(5) stat from the third on, the state; none
// for a process that is gone.
func StatFields(pid int) []string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}
