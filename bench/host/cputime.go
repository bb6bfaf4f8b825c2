package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// CPUMeter reads the CPU time of a run: user and system time of the platform with the
// harness in it, of every sandbox, and of every process that starts, resets or ends one. It
// is one and the same for all backends. The time that the kernel spends in threads of its
// own is not in it.
//
// The source is the run's cgroup of version 2, which counts processes that have ended.
// Where no such group could be made, the source is the tree of processes below this one: it
// counts in steps of 10 ms, and misses a process that left the tree, as a container does
// whose OCI runtime has ended.
type CPUMeter struct{ Group *MemoryGroup }

// sourceTree is the source without a cgroup, as records name it.
const sourceTree = "process tree"

// Read is the CPU time so far, and its source as records name it.
func (m CPUMeter) Read() (time.Duration, string, error) {
	if t, source, ok := m.Group.CPUTime(); ok {
		return t, source, nil
	}
	t, err := treeTime()
	return t, sourceTree, err
}

// treeTime is the time of this process, of its descendants, and of those among them that
// have ended and were waited for (proc(5), /proc/PID/stat; getrusage(2)).
func treeTime() (time.Duration, error) {
	var sum time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			return 0, fmt.Errorf("read this process's CPU time: %w", err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	const utime, cstime, tick = 11, 14, 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	for todo := childrenOf(os.Getpid()); len(todo) > 0; todo = todo[1:] {
		fields := cgroup.StatFields(todo[0])
		for i := utime; i <= cstime && i < len(fields); i++ {
			sum += time.Duration(atoi(fields[i])) * tick
		}
		todo = append(todo, childrenOf(todo[0])...)
	}
	return sum, nil
}

func childrenOf(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a process that has ended has none
		for word := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(word); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

const (
	settleStep     = 20 * time.Millisecond
	settlePatience = 2 * time.Second
	settledShare   = 0.1 // of one processor
)

// Settled waits until the run uses next to no CPU time: what a call leaves to be done after
// it (a reset, a refill, a capture) is done then. It waits two seconds at most.
func (m CPUMeter) Settled(ctx context.Context) error {
	before, _, err := m.Read()
	for end := time.Now().Add(settlePatience); err == nil && time.Now().Before(end); {
		begin := time.Now()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settleStep):
		}
		var now time.Duration
		if now, _, err = m.Read(); (now - before).Seconds() < settledShare*time.Since(begin).Seconds() {
			return err
		}
		before = now
	}
	return err
}
