package zygote

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// ProcessLimit is the most processes and threads that something allows.
type ProcessLimit struct {
	Max    int64
	Used   int64 // how many there are already; below 0: all of the host at worst
	Name   string
	Remedy string
}

// Room is how many processes a limit leaves beside others, who are as many as
// there are tasks on the host unless the limit knows better.
func (l ProcessLimit) Room(tasks int64) int64 {
	if l.Used >= 0 {
		tasks = l.Used
	}
	return max(0, l.Max-tasks)
}

// kernelLimits reads what proc(5) says of the whole host.
func kernelLimits(proc string) (all []ProcessLimit) {
	const most = 4 << 20 // PID_MAX_LIMIT of 64-bit kernels
	for _, file := range []string{"pid_max", "threads-max"} {
		if n, ok := number(filepath.Join(proc, "sys/kernel", file)); ok {
			all = append(all, ProcessLimit{n, -1, "kernel." + file, fmt.Sprintf("sysctl -w kernel.%s=%d", file, most)})
		}
	}
	return all
}

// ProcessLimits are all that bind this process on this host.
func ProcessLimits(proc string) []ProcessLimit {
	limits := append(kernelLimits(proc), userLimits(proc)...)
	for _, l := range cgroup.TaskLimits() {
		limits = append(limits, ProcessLimit{l.Max, l.Used, l.File, "echo max > " + l.File +
			" (systemd: TasksMax=infinity)"})
	}
	return limits
}

// tightest is the limit that leaves the least room beside the host's tasks.
func tightest(all []ProcessLimit, tasks int64) (least ProcessLimit) {
	for i, l := range all {
		if i == 0 || l.Room(tasks) < least.Room(tasks) {
			least = l
		}
	}
	return least
}

// userLimits is RLIMIT_NPROC (getrlimit(2)), which counts the threads of a user.
// It binds for root too, as the tender is nobody on the host; but then the
// tender's processes alone count, as root's user namespace hands on no limit
// (enforced_nproc_rlimit in the kernel's user_namespace.c).
func userLimits(proc string) []ProcessLimit {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &l); err != nil || l.Cur > 1<<40 {
		return nil
	}
	used := int64(0)
	if uid := os.Getuid(); uid != 0 {
		used = tasksOf(proc, uid)
	}
	return []ProcessLimit{{int64(l.Cur), used, "RLIMIT_NPROC",
		"ulimit -u unlimited before the start (systemd: LimitNPROC=infinity)"}}
}

// Tasks is how many processes and threads the host has: the fourth field of
// /proc/loadavg, "3/121"; 0 where it is not told.
func Tasks(proc string) int64 {
	text, _ := os.ReadFile(filepath.Join(proc, "loadavg"))
	f := strings.Fields(string(text))
	if len(f) < 4 {
		return 0
	}
	_, total, _ := strings.Cut(f[3], "/")
	n, _ := strconv.ParseInt(total, 10, 64)
	return n
}

// tasksOf is how many processes and threads a user has, of those that proc shows:
// the fields Uid, real one first, and Threads of status (proc(5)).
func tasksOf(proc string, uid int) (sum int64) {
	files, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "status")) // the pattern is well formed
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended meanwhile
		real, threads := -1, int64(0)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			switch {
			case len(f) > 1 && f[0] == "Uid:":
				real, _ = strconv.Atoi(f[1])
			case len(f) > 1 && f[0] == "Threads:":
				threads, _ = strconv.ParseInt(f[1], 10, 64)
			}
		}
		if real == uid {
			sum += threads
		}
	}
	return sum
}

// number reads a file with one number; "max" is none.
func number(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil
}
