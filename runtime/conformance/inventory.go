package conformance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// inventory is what the test process had before a backend was made.
type inventory struct {
	goroutines  goleak.Option
	descriptors map[string]string
	children    map[int]bool
}

func newInventory() inventory {
	if r, w, err := os.Pipe(); err == nil { // Go's poller opens its own descriptors with the first
		r.Close()
		w.Close()
	}
	return inventory{goroutines: goleak.IgnoreCurrent(), descriptors: descriptors(), children: children()}
}

// verify reports what is there now and was not before.
func (was inventory) verify(t testing.TB) {
	t.Helper()
	if err := goleak.Find(was.goroutines); err != nil {
		t.Errorf("left behind: %v", err)
	}
	for fd, what := range descriptors() {
		if was.descriptors[fd] != what {
			t.Errorf("left behind: descriptor %s, %s", fd, what)
		}
	}
	for pid := range children() {
		if !was.children[pid] {
			t.Errorf("left behind: child process %d, %s", pid, commandLine(pid))
		}
	}
}

// descriptors are the open files of this process, by number.
func descriptors() map[string]string {
	open := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if what, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[e.Name()] = what
		}
	}
	return open
}

// children are the processes whose parent is this one, proc(5) stat field 4.
func children() map[int]bool {
	found := map[int]bool{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found[pid] = true
		}
	}
	return found
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(line), "\x00", " ")
}

// marked are the processes on the host that have mark in their arguments.
func marked(mark string) []int {
	var found []int
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(mark)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = append(found, pid)
		}
	}
	return found
}
