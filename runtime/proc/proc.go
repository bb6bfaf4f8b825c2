// Package proc is what proc(5) says of the processes of a sandbox, where no cgroup
// counts what they take. [HasCapability] is of this process itself.
//
//	pids := proc.Descendants(pid)
//	bytes, err := proc.Sum(pids, proc.ProportionalSize)
//	cpu := proc.CPUTime(pids)
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Descendants is a process with all that it started, and that these did.
func Descendants(pid int) (pids []int) {
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		pids = append(pids, next[0])
		next = append(next, Children(next[0])...)
	}
	return pids
}

// Children reads /proc/PID/task/TID/children: each thread has its own.
func Children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for field := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// Stopped reports whether a process is stopped (SIGSTOP), or its first child, or the first
// child of that, down to a number of generations. A process that has ended is not stopped,
// and neither is one that a debugger or a cgroup's freezer holds.
func Stopped(pid, generations int) bool {
	for {
		if stateOf(pid) == 'T' {
			return true
		}
		if generations == 0 {
			return false
		}
		children := Children(pid)
		if len(children) == 0 {
			return false
		}
		pid, generations = children[0], generations-1
	}
}

// Sum adds up what processes have, of which the first must be there. Others may end
// meanwhile.
func Sum(pids []int, sizeOf func(pid int) (int64, error)) (sum int64, err error) {
	for i, pid := range pids {
		size, err := sizeOf(pid)
		if err != nil && (i == 0 || errors.Is(err, fs.ErrPermission)) {
			return 0, err
		}
		sum += size
	}
	return sum, nil
}

// ProportionalSize is the proportional set size of a process, Pss of smaps_rollup, in
// bytes. To read that of another user's process takes CAP_SYS_PTRACE.
func ProportionalSize(pid int) (int64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	sizes, err := p.ProcSMapsRollup()
	return int64(sizes.Pss), err
}

// ResidentSize is the resident set size of a process (VmRSS of proc_pid_status(5)), in
// bytes. Shared pages count in every process. That of /proc/PID/stat is some ten pages
// behind, because the kernel counts them on each processor and does not add these up
// there.
func ResidentSize(pid int) (int64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	status, err := p.NewStatus()
	return int64(status.VmRSS), err
}

// CPUTime is user and system time of processes, and of their children that were waited
// for.
func CPUTime(pids []int) time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	var ticks int64
	for _, pid := range pids {
		stat, _ := statOf(pid) // zeros for one that has ended
		ticks += int64(stat.UTime) + int64(stat.STime) + int64(stat.CUTime) + int64(stat.CSTime)
	}
	return time.Duration(ticks) * tick
}

// stateOf is the state of a process in proc(5) stat, 0 for one that is gone. A call may
// wait for the answer, so that nothing else of the file is read.
func stateOf(pid int) byte {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/stat", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var text [64]byte // the number of a process, its name of at most 15 bytes in brackets, its state
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return 0
	}
	if k := bytes.LastIndex(text[:n], []byte(") ")); k >= 0 && k+2 < n {
		return text[k+2]
	}
	return 0
}

func statOf(pid int) (procfs.ProcStat, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	return p.Stat()
}
