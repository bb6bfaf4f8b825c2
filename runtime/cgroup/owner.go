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

// Orphans are the directories in dir that are Orphaned.
func Orphans(prefix, dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && Orphaned(prefix, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// RemoveTree removes a group and those in it, one level deep.
func RemoveTree(dir string) error {
	var errs []error
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(append(errs, Remove(dir))...)
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
