package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// closePatience is how long a process that was killed has to end.
const closePatience = 10 * time.Second

// sandbox is one interpreter and whatever it starts.
type sandbox struct {
	shared  *shared
	dismiss func(*sandbox) // takes the sandbox off the backend's list; nil before it is on the list
	name    string
	dir     string // private: HOME, TMPDIR
	task    string // where ld.so looks for the package's libraries: a link to the package, once there is one
	uid     uint32 // 0: the platform's own user
	view    *view  // nil: the host's file system
	group   *cgroup.Group
	cmd     *exec.Cmd
	conn    net.Conn
	session *driver.Session
	output  *driver.LogPipe

	mu      sync.Mutex // limits, and that no killer begins once closing is set
	limits  isolation.Limits
	killers sync.WaitGroup

	overLimit atomic.Bool // the watch ended it
	closing   atomic.Bool // Close ended it
	gone      chan struct{}
	once      sync.Once
	closeErr  error
}

func (s *sandbox) reap() {
	s.cmd.Wait()
	close(s.gone)
}

// PID implements isolation.HostProcess.
func (s *sandbox) PID() int { return s.cmd.Process.Pid }

// Done implements isolation.Ender.
func (s *sandbox) Done() <-chan struct{} { return s.gone }

// Cause implements isolation.Ender.
func (s *sandbox) Cause() error {
	select {
	case <-s.gone:
	default:
		return nil
	}
	if s.closing.Load() {
		return isolation.ErrClosed
	}
	return s.ending().Err()
}

// Stopped implements isolation.Stoppable.
func (s *sandbox) Stopped() bool {
	if s.namespaced() { // the shell, and the interpreter
		return proc.Stopped(s.PID(), 1)
	}
	return proc.Stopped(s.PID(), 0)
}

// Import implements isolation.Sandbox.
func (s *sandbox) Import(ctx context.Context, fn isolation.Function) error {
	if cause := s.Cause(); cause != nil {
		return fmt.Errorf("import %s: %w: %w", fn.Name, isolation.ErrUndelivered, cause)
	}
	if err := s.limit(fn.Limits); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	code, err := s.code(fn)
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	if err := s.linkTask(code.Root); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	return s.session.Import(ctx, code, fn)
}

// linkTask makes s.task, which is in the interpreter's LD_LIBRARY_PATH, a link to the
// code. Until then s.task is a directory, because ld.so looks for one when the
// interpreter starts (driver.LibraryPath). A view has /var/task instead.
func (s *sandbox) linkTask(root string) error {
	if s.view != nil {
		return nil
	}
	if err := os.RemoveAll(s.task); err != nil {
		return err
	}
	return os.Symlink(root, s.task)
}

// code is where the driver finds the package: in place, if it can read it. In a
// file system of its own that is /var/task, where only root can show it; others
// send it along.
func (s *sandbox) code(fn isolation.Function) (driver.Code, error) {
	dir, err := realPath(fn.Package)
	if err != nil {
		return driver.Code{}, err
	}
	switch {
	case s.view != nil && (s.uid == 0 || !openEntries(dir)):
		return driver.PackCode(dir, driver.TaskRoot)
	case s.view != nil:
		spawner, pid := s.shared.spawner, s.PID()
		return driver.CodeAt(driver.TaskRoot), spawner.do(func() error { return spawner.show(dir, pid) })
	case s.uid == 0 || open(dir) && openEntries(dir):
		return driver.CodeAt(dir), nil
	}
	own, err := realPath(s.dir)
	if err != nil {
		return driver.Code{}, err
	}
	return driver.PackCode(dir, filepath.Join(own, "task"))
}

// realPath is absolute, and no symbolic link leads to it, as a driver.Code wants
// it.
func realPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// Printed implements isolation.Printer.
func (s *sandbox) Printed() ([]byte, []isolation.LogMark) { return s.output.Printed() }

// Invoke implements isolation.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	res, err := s.session.Invoke(ctx, inv)
	if err == nil && !res.Outcome.Alive() {
		s.killSoon()
	}
	return res, err
}

// killSoon ends the sandbox's processes in the background: to kill those of a
// user takes a process of its own, for which a reply must not wait. Close waits
// for the killers, as the user id may have another owner afterwards, and
// returns the error of its own kill.
func (s *sandbox) killSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing.Load() {
		s.killers.Go(func() { _ = s.kill() })
	}
}

// Usage implements isolation.Sandbox.
func (s *sandbox) Usage() (isolation.Usage, error) {
	u, err := usageOf(s.group, s.pids)
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", s.PID(), err)
	}
	return u, nil
}

// limit puts the sandbox under l. What no cgroup can limit is bounded by
// rlimits and the watch, where the host lets us.
func (s *sandbox) limit(l isolation.Limits) error {
	s.mu.Lock()
	s.limits = l
	s.mu.Unlock()
	if err := limitGroup(s.group, s.PID(), l); err != nil {
		return err
	}
	for _, pid := range s.pids() {
		if s.group.Source() == "" {
			// Room for what is mapped and never touched, thread stacks above all.
			setLimit(pid, unix.RLIMIT_DATA, l.MemoryBytes, 64<<20)
		}
		if !s.group.Has(cgroup.PIDs) {
			setLimit(pid, unix.RLIMIT_NPROC, int64(l.Processes), 0)
		}
	}
	return nil
}

// checkMemory ends a sandbox whose resident memory is over its limit.
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
		size, _ := proc.ResidentSize(pid) // one that has ended takes nothing
		resident += size
	}
	if resident > limit {
		s.overLimit.Store(true)
		_ = s.kill() // fails for a process that has ended
	}
}

// endPatience is how long a process whose stream ended has time to end, and then
// one that is killed, before the reply goes out without its status.
const endPatience = time.Second

// end says what became of the process: a stream that ended has a process that
// ends, or one that must be ended.
func (s *sandbox) end() driver.End {
	select {
	case <-s.gone:
		return s.ending()
	case <-time.After(endPatience):
	}
	s.killSoon()
	select {
	case <-s.gone:
		return s.ending()
	case <-time.After(endPatience):
		return driver.End{Status: "signal: " + syscall.SIGKILL.String(), Words: s.output.Peek()}
	}
}

// ending reads how the process ended, which it has.
func (s *sandbox) ending() driver.End {
	ws, _ := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if s.namespaced() && ws.ExitStatus() > 128 { // the shell passes a signal on as a status
		ws = syscall.WaitStatus(ws.ExitStatus() - 128)
	}
	end := driver.EndOf(ws)
	killed, own := s.group.OutOfMemory()
	end.OutOfMemory = s.overLimit.Load() || killed && own
	if killed && !end.OutOfMemory {
		end.Status += driver.OutOfMemoryAbove
	}
	s.mu.Lock()
	end.LimitBytes = s.limits.MemoryBytes
	s.mu.Unlock()
	end.Words = s.output.Peek()
	return end
}

// kill ends every process of the sandbox.
func (s *sandbox) kill() error {
	switch {
	case s.group.Has(cgroup.Unified):
		return s.group.Kill()
	case s.uid != 0:
		return killUser(s.uid)
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d: %w", s.cmd.Process.Pid, err)
	}
	return nil
}

// Close implements isolation.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closing.Store(true)
		s.mu.Unlock()
		if s.session != nil {
			s.session.Close()
		}
		s.closeErr = s.kill()
		s.killers.Wait()
		s.closeErr = errors.Join(s.closeErr, s.awaitGone())
		s.closeErr = errors.Join(s.closeErr, s.release())
	})
	return s.closeErr
}

// awaitGone waits for the end of a process that was killed. A process that the kernel
// cannot end, such as one in a read from a dead disk, is given up after closePatience.
func (s *sandbox) awaitGone() error {
	select {
	case <-s.gone:
		return nil
	case <-time.After(closePatience):
		return fmt.Errorf("process %d was killed and does not end", s.cmd.Process.Pid)
	}
}

// release gives back what the sandbox had on the host; its processes have
// ended, or never were.
func (s *sandbox) release() error {
	var errs []error
	if s.conn != nil {
		s.conn.Close()
	}
	if s.group != nil {
		errs = append(errs, s.group.Remove())
	}
	if s.output != nil {
		errs = append(errs, s.output.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir), os.RemoveAll(s.task))
	}
	if s.uid != 0 {
		s.shared.users.release(s.uid)
	}
	if s.dismiss != nil {
		s.dismiss(s)
	}
	return errors.Join(errs...)
}

// namespaced tells whether the sandbox has user and pid namespaces: where the
// platform is not root, for a file system of its own, and where nothing else
// holds its processes together.
func (s *sandbox) namespaced() bool {
	return s.uid == 0 && (s.view != nil || !s.group.Has(cgroup.Unified))
}

// pids are the sandbox's processes: those of its group, else the interpreter
// and its descendants.
func (s *sandbox) pids() []int {
	if s.group.Has(cgroup.Unified) {
		return s.group.Processes()
	}
	return proc.Descendants(s.PID())
}
