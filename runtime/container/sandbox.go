package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// sandbox is one container, with the OCI runtime's process that waits for it,
// the shim.
type sandbox struct {
	shared  *shared
	dismiss func(*sandbox) // takes the sandbox off the backend's list
	id      string
	dir     string // the bundle
	layer   layer

	endpoint *endpoint     // nil unless on the bridge
	group    *cgroup.Group // nil on a host without cgroups
	conn     net.Conn
	session  *driver.Session
	log      *driver.LogPipe
	output   tail         // the OCI runtime's own words
	pid      atomic.Int64 // of the container's first process; 0 while it is made

	shim   *exec.Cmd
	gone   chan struct{}      // closed when the shim and the container ended; nil before the shim began
	status syscall.WaitStatus // the shim's; set before gone is closed

	mu      sync.Mutex // guards what follows
	first   *pidfd     // the container's first process; nil while it is made
	limits  isolation.Limits
	killed  bool // by us
	closing bool
	paused  bool
	once    sync.Once
	err     error
}

// explain adds the OCI runtime's own words to what went wrong in Boot.
func (s *sandbox) explain(err error) error {
	if s.gone == nil || !errors.Is(err, driver.ErrEnded) {
		return err
	}
	select {
	case <-s.gone:
	case <-time.After(5 * time.Second):
	}
	words := strings.TrimSpace(string(s.output.bytes()))
	if s.log != nil {
		words = strings.TrimSpace(words + "\n" + string(s.log.Peek()))
	}
	if words != "" {
		return fmt.Errorf("%w: %s", err, words)
	}
	return err
}

// PID implements isolation.HostProcess.
func (s *sandbox) PID() int { return int(s.pid.Load()) }

// Stopped implements isolation.Stoppable: of the init and the interpreter, or of the
// process that is the sandbox's kernel.
func (s *sandbox) Stopped() bool {
	if s.shared.oci.family == gVisor {
		return proc.Stopped(s.PID(), 0)
	}
	return proc.Stopped(s.PID(), 1)
}

// Import implements isolation.Sandbox.
func (s *sandbox) Import(ctx context.Context, fn isolation.Function) error {
	code, err := driver.PackCode(fn.Package, driver.TaskRoot)
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	if err := s.replaceLimits(fn.Limits); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	return s.session.Import(ctx, code, fn)
}

func (s *sandbox) replaceLimits(l isolation.Limits) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil || s.limits == l {
		return nil
	}
	// Of a container that has ended the group is gone: Import says so.
	if err := s.group.Limit(s.shared.oci.enforced(l)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.limits = l
	return nil
}

// Printed implements isolation.Printer.
func (s *sandbox) Printed() ([]byte, []isolation.LogMark) {
	if s.log == nil {
		return nil, nil
	}
	return s.log.Printed()
}

// Invoke implements isolation.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	res, err := s.session.Invoke(ctx, inv)
	if err == nil && !res.Outcome.Alive() {
		_ = s.kill() // a container that lives on is an error of Close
	}
	return res, err
}

// Done implements isolation.Ender.
func (s *sandbox) Done() <-chan struct{} { return s.gone }

// Cause implements isolation.Ender.
func (s *sandbox) Cause() error {
	select {
	case <-s.gone:
	default:
		return nil
	}
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return isolation.ErrClosed
	}
	return s.ending().Err()
}

// Usage implements isolation.Sandbox.
func (s *sandbox) Usage() (u isolation.Usage, err error) {
	if s.group != nil {
		u, err = s.group.Usage()
	} else {
		u, err = processUsage(s.PID())
	}
	if err != nil {
		return u, fmt.Errorf("usage of %s: %w", s.id, err)
	}
	return u, nil
}

// end tells the session what became of the driver. Its stream ends when the
// OCI runtime's process does, which holds the channel as well.
func (s *sandbox) end() driver.End {
	select {
	case <-s.gone:
		return s.ending()
	case <-time.After(time.Second): // the container closed its channel and lives
	}
	if err := s.kill(); err != nil {
		return driver.End{Note: fmt.Sprintln(err)}
	}
	select { // for its last words; Close waits longer
	case <-s.gone:
	case <-time.After(time.Second):
	}
	return driver.End{Words: s.log.Peek()}
}

// ending is how the container ended, which it has.
func (s *sandbox) ending() driver.End {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Signaled() {
		return driver.End{
			Status: "signal: " + s.status.Signal().String(),
			Note: fmt.Sprintf("%s%s: the OCI runtime's process was ended by a signal\n",
				s.output.bytes(), s.shared.oci.name()),
		}
	}
	e := driver.EndOf(containerStatus(s.status))
	if s.group != nil {
		own, above := outOfMemory(s.group, e)
		e.OutOfMemory = own
		if above {
			e.Status += driver.OutOfMemoryAbove
		}
	}
	e.LimitBytes, e.Words = s.limits.MemoryBytes, s.log.Peek()
	return e
}

// containerStatus undoes what OCI runtimes do to a wait status: they exit as
// the container did, with 128 and the signal's number if one ended it.
func containerStatus(of syscall.WaitStatus) syscall.WaitStatus {
	if code := of.ExitStatus(); code > 128 && code < 128+65 {
		return syscall.WaitStatus(code - 128)
	}
	return of
}

// tail keeps the last tailBytes of an OCI runtime's output, and of that of a
// container's first process before the driver has its log.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if extra := len(t.b) - tailBytes; extra > 0 {
		t.b = append(t.b[:0], t.b[extra:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.b...)
}
