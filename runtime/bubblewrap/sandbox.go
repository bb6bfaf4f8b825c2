package bubblewrap

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// sandbox is one bwrap with all that runs below it.
type sandbox struct {
	backend *Backend
	cmd     *exec.Cmd // bwrap
	first   int       // process id, on the host, of the first process of the pid namespace
	pidfd   *os.File  // of that process
	group   *cgroup.Group
	limits  atomic.Pointer[isolation.Limits]
	conn    net.Conn
	output  *driver.LogPipe
	session *driver.Session

	closing  atomic.Bool   // Close ended the sandbox
	gone     chan struct{} // closed when no process of the sandbox is left
	once     sync.Once
	closeErr error
}

// PID implements isolation.HostProcess: it is the parent of the interpreter.
func (s *sandbox) PID() int { return s.first }

// Stopped implements isolation.Stoppable: of the first process, and the interpreter.
func (s *sandbox) Stopped() bool { return proc.Stopped(s.first, 1) }

// Import implements isolation.Sandbox. The function's files are sent along: the
// sandbox sees no directory of the host that could hold them.
func (s *sandbox) Import(ctx context.Context, fn isolation.Function) error {
	if cause := s.Cause(); cause != nil {
		return fmt.Errorf("import %s: %w: %w", fn.Name, isolation.ErrUndelivered, cause)
	}
	if err := s.limit(fn.Limits); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	dir, err := filepath.EvalSymlinks(fn.Package)
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	code, err := driver.PackCode(dir, driver.TaskRoot)
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	return s.session.Import(ctx, code, fn)
}

// Invoke implements isolation.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	res, err := s.session.Invoke(ctx, inv)
	if err == nil && !res.Outcome.Alive() {
		_ = s.kill() // Close reports the error of its own kill
	}
	return res, err
}

// Printed implements isolation.Printer.
func (s *sandbox) Printed() ([]byte, []isolation.LogMark) { return s.output.Printed() }
