package surface

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// outside is the host's view of the process that runs a sandbox's code.
type outside struct {
	namespaces map[string]bool // by name, whether it is another one than this process's
	status     map[string]string
	calls      map[int]bool // host system calls that pass its filters for some arguments; nil if they could not be read
	filters    int
	reason     string // why calls is nil
}

// busiest is the descendant of this process that took most processor time while work ran:
// the process that runs the sandbox's code, on any backend.
func busiest(work func() error) (int, error) {
	before := processorTime()
	if err := work(); err != nil {
		return 0, err
	}
	best, most := 0, time.Duration(0)
	for pid, used := range processorTime() {
		if d := used - before[pid]; d > most {
			best, most = pid, d
		}
	}
	if best == 0 {
		return 0, errors.New("no process of this host was busy while the sandbox was")
	}
	return best, nil
}

// processorTime reads proc(5) stat of all descendants of this process.
func processorTime() map[int]time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every architecture of Linux that Go knows
	parents, times := map[int]int{}, map[int]time.Duration{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		parent, _ := strconv.Atoi(f[1])
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		parents[pid], times[pid] = parent, time.Duration(user+system)*tick
	}
	for pid := range times {
		at := pid
		for at > 1 && at != os.Getpid() {
			at = parents[at]
		}
		if at != os.Getpid() || pid == os.Getpid() {
			delete(times, pid)
		}
	}
	return times
}

// namespaceNames are the files of /proc/PID/ns, and their names in records.
var namespaceNames = []struct{ file, name string }{
	{"pid", "pid"}, {"mnt", "mount"}, {"net", "network"}, {"user", "user"}, {"ipc", "ipc"}, {"uts", "uts"},
	{"cgroup", "cgroup"},
}

func lookAt(pid int) outside {
	out := outside{namespaces: map[string]bool{}, status: map[string]string{}}
	for _, n := range namespaceNames {
		ours, err := os.Readlink("/proc/self/ns/" + n.file)
		theirs, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, n.file))
		if err == nil && err2 == nil {
			out.namespaces[n.name] = ours != theirs
		}
	}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			out.status[key] = strings.TrimSpace(value)
		}
	}
	out.readCalls(pid)
	return out
}

func (out *outside) readCalls(pid int) {
	if out.status["Seccomp"] == "0" {
		out.calls = reachableCalls(nil, nil)
		return
	}
	if !privileged() {
		out.reason = "only root can read the filter"
		return
	}
	filters, err := seccompFilters(pid)
	if err != nil {
		out.reason = err.Error()
		return
	}
	out.filters, out.calls = len(filters), reachableCalls(filters, codeOf(pid))
}

// codeOf reads proc(5) maps.
func codeOf(pid int) (code []span) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	for line := range strings.Lines(string(b)) {
		var s span
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &s.from, &s.to, &mode); n == 3 && strings.Contains(mode, "x") {
			code = append(code, s)
		}
	}
	return code
}

// privileged tells whether the seccomp filters of others can be read.
func privileged() bool { return os.Geteuid() == 0 }
