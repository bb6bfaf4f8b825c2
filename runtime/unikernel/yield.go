package unikernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Yield implements isolation.Yielder, by the scheduling policy SCHED_IDLE (sched(7)): a
// task of any other policy takes the processor from one of that at once, where a
// nice value makes shares small and leaves the wait for the other's slice.
func (s *sandbox) Yield(on bool) error {
	if err := s.yield(on); err != nil {
		return fmt.Errorf("yield the processors: %w", err)
	}
	return nil
}

func (s *sandbox) yield(on bool) error {
	if err := canYield(); err != nil {
		return err
	}
	p, err := s.use()
	if err != nil {
		return err
	}
	if p == nil {
		return unix.ESRCH
	}
	defer s.release(p)
	pid, err := p.uc.HostPID(context.Background())
	if err != nil {
		return err
	}
	if on {
		p.yields.Store(true)
		if err = setPolicy(pid, unix.SCHED_IDLE); err == nil {
			return nil
		}
	}
	back := setPolicy(pid, unix.SCHED_NORMAL)
	p.yields.Store(back != nil)
	return errors.Join(err, back)
}

// setPolicy is for all threads of a process. A thread that one of them starts
// inherits the policy.
func setPolicy(pid int, policy uint32) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err == nil {
			err = setThread(tid, policy)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("set the scheduling policy of task %s: %w", t.Name(), err)
		}
	}
	return nil
}

func setThread(tid int, policy uint32) error {
	return unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy}, 0)
}

// canYield tries on a thread whether this process may undo SCHED_IDLE: without
// CAP_SYS_NICE and with the usual RLIMIT_NICE, anybody may choose that policy and
// nobody may leave it.
var canYield = sync.OnceValue(func() error {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread()
		tid := unix.Gettid()
		err := setThread(tid, unix.SCHED_IDLE)
		if err == nil {
			err = setThread(tid, unix.SCHED_NORMAL)
		}
		if err == nil {
			runtime.UnlockOSThread() // else the thread ends with this goroutine
		}
		tried <- err
	}()
	return <-tried
})
