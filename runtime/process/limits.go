package process

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// limit puts the sandbox under l. What no cgroup can limit is bounded by
// rlimits and the watch, where the host lets us.
func (s *sandbox) limit(l isolation.Limits) error {
	s.mu.Lock()
	s.limits = l
	s.mu.Unlock()
	if err := s.limitGroup(l); err != nil {
		if errors.Is(err, unix.EBUSY) { // version 1 refuses a limit below what is in use
			return fmt.Errorf("the limit of %d MB is below what the runtime itself takes: %w", l.MemoryBytes>>20, err)
		}
		return err
	}
	for _, pid := range s.pids() {
		if s.backend.watch != nil {
			// Room for what is mapped and never touched, thread stacks above all.
			setLimit(pid, unix.RLIMIT_DATA, l.MemoryBytes, 64<<20)
		}
		if !s.group.Has(cgroup.PIDs) {
			setLimit(pid, unix.RLIMIT_NPROC, int64(l.Processes), 0)
		}
	}
	return nil
}

// limitGroup limits the cgroup. The process is born in its memory group, and
// enters others of version 1 when they are first needed: nothing that was
// charged before matters to them.
func (s *sandbox) limitGroup(l isolation.Limits) error {
	if err := s.group.Limit(l); err != nil {
		return err
	}
	for controller, wanted := range map[string]bool{cgroup.PIDs: l.Processes > 0, cgroup.CPU: l.CPUs > 0} {
		if !wanted || !s.group.HasV1(controller) {
			continue
		}
		if err := s.group.Enter(s.cmd.Process.Pid, controller); err != nil {
			return fmt.Errorf("limit %s: %w", controller, err)
		}
	}
	return nil
}

// setLimit sets the soft limit, which needs no privilege to be raised again.
// A host that refuses it is one that CanLimit names.
func setLimit(pid, resource int, limit, room int64) {
	var now unix.Rlimit
	if unix.Prlimit(pid, resource, nil, &now) != nil {
		return
	}
	now.Cur = now.Max
	if limit > 0 {
		now.Cur = min(now.Max, uint64(limit+room))
	}
	unix.Prlimit(pid, resource, &now, nil)
}

// hasCapability tells whether this process has a capability, by its number below 32.
func hasCapability(c int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<c) != 0
}

// watchInterval is how often resident memory is compared with the limit.
const watchInterval = 50 * time.Millisecond

// watch ends sandboxes whose resident memory is over their limit, where no
// cgroup does.
type watch struct {
	stop, done chan struct{}
}

func newWatch(b *Backend) *watch {
	w := &watch{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				for _, sb := range b.sandboxes() {
					sb.checkMemory()
				}
			}
		}
	}()
	return w
}

func (w *watch) close() {
	close(w.stop)
	<-w.done
}

func (s *sandbox) checkMemory() {
	s.mu.Lock()
	limit := s.limits.MemoryBytes
	s.mu.Unlock()
	select {
	case <-s.gone:
		return
	default:
	}
	if limit <= 0 {
		return
	}
	var resident int64
	for _, pid := range s.pids() {
		size, _ := residentSetSize(pid) // one that has ended takes nothing
		resident += size
	}
	if resident > limit {
		s.overLimit.Store(true)
		s.kill()
	}
}

// residentSetSize reads the second field of proc(5) statm, in pages.
func residentSetSize(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize()), err
}
