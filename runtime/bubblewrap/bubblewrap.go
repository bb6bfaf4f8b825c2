// Package bubblewrap is the template of a backend: small, complete, and made to
// be copied. docs/adding-a-backend.md walks through it. A sandbox is a process
// that bwrap(1) puts into namespaces of its own.
//
//	b := bubblewrap.New(bubblewrap.Config{})
//	defer b.Close()
//	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: node})
//
// In the order of a sandbox's life:
//
//   - Probe (probe.go) has bwrap run a program that does nothing, with the
//     arguments of a real sandbox.
//   - Boot starts bwrap (start.go) with the file system, the namespaces and the
//     interpreter of the sandbox (arguments.go), and waits for the driver.
//   - Import limits the sandbox (limits.go) and sends the function's files along (sandbox.go); the driver writes
//     them into the sandbox's memory.
//   - Invoke hands the event to the driver's session.
//   - Close kills the first process of the pid namespace, and with that all
//     others (end.go).
//
// A function sees the host's /usr and /etc, read-only, a network that holds
// loopback alone, and no process but its own. Where the platform is root,
// functions run as user 65534. The backend writes nothing to the host's disk, so
// a platform that was killed leaves no file; its sandboxes end with it
// (bwrap's --die-with-parent), and the next platform removes its cgroups.
//
// Limits of memory, processes and processor time are enforced where a cgroup can
// be made (limits.go); elsewhere CanLimit says what is missing.
//
// The backend is not in package backends: no suite measures it.
package bubblewrap

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Name is the backend's name in configurations and records.
const Name = "bubblewrap"

// Config of the backend; the zero value works.
type Config struct {
	Program string // bwrap on the PATH by default
}

// Backend runs every sandbox below a bwrap of its own.
type Backend struct {
	cfg     Config
	thread  *thread // starts all bwraps
	booting sync.WaitGroup

	once   sync.Once     // prepare
	err    error         // of prepare
	groups *cgroup.Group // of all sandboxes

	mu     sync.Mutex
	closed bool                  // guarded by mu
	serial int                   // of the last sandbox; guarded by mu
	live   map[*sandbox]struct{} // guarded by mu
}

// New returns the backend. No process is started before the first Probe or Boot.
func New(cfg Config) *Backend {
	if cfg.Program == "" {
		cfg.Program = "bwrap"
	}
	return &Backend{cfg: cfg, thread: &thread{}, live: map[*sandbox]struct{}{}}
}

// Name implements isolation.Backend.
func (b *Backend) Name() string { return Name }

// Anticipate implements isolation.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{isolation.StepNetwork, isolation.StepInterpreter}
}

// Boot implements isolation.Backend.
func (b *Backend) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	sb, err := b.boot(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, isolation.Scarce(err))
	}
	return sb, nil
}

func (b *Backend) boot(ctx context.Context, spec isolation.BootSpec) (*sandbox, error) {
	if err := errors.Join(ctx.Err(), b.prepare()); err != nil {
		return nil, err
	}
	name, err := b.begin()
	if err != nil {
		return nil, err
	}
	defer b.booting.Done()
	sb, err := b.start(ctx, name, spec)
	if err != nil {
		return nil, err
	}
	sb.session, err = driver.Greet(ctx, sb.conn, sb.output, sb.end, sb.limit, spec)
	if err != nil {
		return nil, errors.Join(err, sb.Close())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live[sb] = struct{}{}
	return sb, nil
}

// begin names a sandbox and has Close wait for its boot, until the caller calls
// booting.Done.
func (b *Backend) begin() (name string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return "", errClosed
	}
	b.booting.Add(1)
	b.serial++
	return fmt.Sprintf("s%d", b.serial), nil
}

// forget removes a sandbox that is closed.
func (b *Backend) forget(sb *sandbox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.live, sb)
}

// shut refuses further boots and returns the sandboxes that are left, once no
// boot is under way. The second call returns none.
func (b *Backend) shut() (left []*sandbox) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.booting.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for sb := range b.live {
		left = append(left, sb)
	}
	return left
}

// Close implements isolation.Backend.
func (b *Backend) Close() error {
	var errs []error
	for _, sb := range b.shut() {
		errs = append(errs, sb.Close())
	}
	b.thread.close()
	b.once.Do(func() { b.err = errClosed })
	if b.groups != nil {
		errs = append(errs, b.groups.Remove())
	}
	return errors.Join(errs...)
}
