package process

import (
	"context"
	"net"
	"os/exec"
	"sync"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
)

// sandbox is one process group.
type sandbox struct {
	backend *Backend
	cmd     *exec.Cmd
	conn    net.Conn
	session *driver.Session
	gone    chan struct{} // closed when the process was waited for
	once    sync.Once
}

func (s *sandbox) reap() {
	s.cmd.Wait()
	close(s.gone)
}

// Import implements runtime.Sandbox.
func (s *sandbox) Import(ctx context.Context, fn runtime.Function) error {
	return s.session.Import(ctx, driver.CodeAt(fn.Package), fn)
}

// Invoke implements runtime.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv runtime.Invocation) (runtime.Result, error) {
	return s.session.Invoke(ctx, inv)
}

// Usage implements runtime.Sandbox.
func (s *sandbox) Usage() (runtime.Usage, error) { return usage(s.cmd.Process.Pid) }

// Close implements runtime.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		s.conn.Close()
		<-s.gone
		s.backend.mu.Lock()
		delete(s.backend.live, s)
		s.backend.mu.Unlock()
	})
	return nil
}
