// Package process is the plainest backend: a sandbox is a Linux process with
// a session of its own, a clean environment, resource limits and, where the host
// lets it, a file system of its own. It is what the paper calls 'Linux process',
// the baseline: it hides neither the host's network nor its kernel.
//
//	b := process.New(process.Config{})
//	defer b.Close()
//	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: node})
//
// What holds the processes of a sandbox together, so that none escapes Close:
//
//   - a version 2 cgroup where one can be made, also on a hybrid host;
//   - else, for root, the user id that only this sandbox has;
//   - else a pid namespace, whose first process takes all others with it.
//
// Limits: memory, processes and CPU by cgroups of either version. Without
// them memory is bounded by RLIMIT_DATA and a watch over resident memory,
// processes by RLIMIT_NPROC, CPU not at all ([Backend.CanLimit] tells).
// Usage.Source says where the memory figure comes from.
//
// A root platform runs functions under unprivileged user ids, one for each
// sandbox. No program that a function starts gains a privilege (no_new_privs),
// and the capability bounding set is empty.
//
// The file system of a sandbox (view) is a mount namespace: /tmp, /var/tmp and
// /dev/shm of its own, the function's package in /var/task, the drivers in
// /var/runtime, and the host's programs, libraries and settings. It is made by
// system calls for root, and by util-linux in a user namespace for others;
// there the sandbox has a pid namespace as well, and the package is sent along
// and unpacked in memory. Where the host permits neither,
// [Backend.CanConfine] says why: then each sandbox has a directory of its own
// as TMPDIR, and functions see the host's files as their user may.
//
// A package whose files the sandbox's user cannot read is sent along, which
// costs time at import: keep them readable. The modes of the directories above
// it do not matter.
//
// Of a platform that was killed nothing stays: its sandboxes get a
// parent-death signal, and the next backend on the same Dir ends and removes
// the rest at its first use.
package process

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// Backend runs every sandbox as a process of its own.
type Backend struct {
	cfg Config

	preparing sync.Mutex // guards the next two; neither changes once it is set
	*shared              // nil until the first use
	watch     *watch     // nil where a cgroup limits memory

	mu      sync.Mutex
	closed  bool                  // guarded by mu
	serial  int                   // of the last sandbox; guarded by mu
	live    map[*sandbox]struct{} // guarded by mu
	booting sync.WaitGroup        // boots that are under way
}

// New returns the backend. Nothing is touched before the first Boot.
func New(cfg Config) *Backend {
	if cfg.MaxFile == 0 {
		cfg.MaxFile = 512 << 20
	}
	return &Backend{cfg: cfg, live: map[*sandbox]struct{}{}}
}

// Name is "process".
func (b *Backend) Name() string { return name }

// Probe reports whether what a function starts can be ended for certain.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.prepare(); err != nil {
		return &isolation.Unavailable{Backend: b.Name(), Lacks: err.Error()}
	}
	if !b.cgroups.Has(cgroup.Unified) && b.users == nil && !namespacesPermitted() {
		return &isolation.Unavailable{Backend: b.Name(),
			Lacks: "children of a function could not be ended for certain: " +
				"neither cgroups nor user namespaces are permitted",
			Remedy: namespaceRemedy("/proc/sys")}
	}
	return nil
}

// CanLimit implements isolation.Limiter.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if err := b.prepare(); err != nil {
		return err
	}
	lacks := func(what, remedy string) error {
		return &isolation.Unavailable{Backend: b.Name(), Lacks: what, Remedy: remedy}
	}
	switch {
	case l.CPUs > 0 && !b.cgroups.Has(cgroup.CPU):
		return lacks("no cpu cgroup can be made", "run as root, or under systemd-run --user -p Delegate=yes")
	case l.Processes > 0 && !b.cgroups.Has(cgroup.PIDs) && b.users != nil && !proc.HasCapability(unix.CAP_SYS_RESOURCE):
		return lacks("no pids cgroup can be made and CAP_SYS_RESOURCE is missing", "grant CAP_SYS_RESOURCE")
	}
	return nil
}

// CanConfine implements isolation.Confiner.
func (b *Backend) CanConfine() error {
	if err := b.prepare(); err != nil {
		return err
	}
	return b.noView
}

// Anticipate implements isolation.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{isolation.StepNetwork, isolation.StepInterpreter}
}

// Bounds implements isolation.Bounded.
func (b *Backend) Bounds() []isolation.Bound { return bounds() }

// hostNetwork is the one network that processes are on.
const hostNetwork = "host"

// Networks implements isolation.Networked.
func (b *Backend) Networks() []string { return []string{hostNetwork} }

// OnNetwork implements isolation.Networked.
func (b *Backend) OnNetwork(name string) (isolation.Backend, error) {
	if name != hostNetwork {
		return nil, fmt.Errorf("processes are on the network of the host, not on %q", name)
	}
	return New(b.cfg), nil
}

// prepare makes what the sandboxes share. After a failure the next use tries
// again.
func (b *Backend) prepare() error {
	b.preparing.Lock()
	defer b.preparing.Unlock()
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return errClosed
	}
	if b.shared != nil {
		return nil
	}
	made, err := makeShared(b.cfg)
	if err != nil {
		return fmt.Errorf("prepare process backend: %w", err)
	}
	b.shared = made
	if made.cgroups.Source() == "" {
		b.watch = newWatch(b.checkMemory)
	}
	return nil
}

// checkMemory ends the sandboxes that are over their memory limit.
func (b *Backend) checkMemory() {
	for _, sb := range b.sandboxes() {
		sb.checkMemory()
	}
}

// Boot implements isolation.Backend.
func (b *Backend) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	sb, err := b.boot(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, scarce(err))
	}
	if sb.group.Has(cgroup.Freezer) {
		return pausable{sb}, nil
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
	sb, err := launch(b.shared, name, spec)
	if err != nil {
		return nil, err
	}
	sb.dismiss = b.dismiss
	sb.session, err = driver.Greet(ctx, sb.conn, sb.output, sb.end, sb.limit, spec)
	if err != nil {
		return nil, errors.Join(err, sb.Close())
	}
	b.mu.Lock()
	b.live[sb] = struct{}{}
	b.mu.Unlock()
	return sb, nil
}

// begin names a new sandbox and keeps Close waiting until it is among the
// living or failed; the caller ends that with booting.Done.
func (b *Backend) begin() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return "", errClosed
	}
	b.booting.Add(1)
	b.serial++
	return fmt.Sprintf("s%d", b.serial), nil
}

func (b *Backend) dismiss(sb *sandbox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.live, sb)
}

// sandboxes are those that live now.
func (b *Backend) sandboxes() []*sandbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*sandbox, 0, len(b.live))
	for sb := range b.live {
		all = append(all, sb)
	}
	return all
}

// Close implements isolation.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	again := b.closed
	b.closed = true
	b.mu.Unlock()
	if again {
		return nil
	}
	b.booting.Wait()
	var errs []error
	for _, sb := range b.sandboxes() {
		errs = append(errs, sb.Close())
	}
	b.preparing.Lock()
	defer b.preparing.Unlock()
	if b.watch != nil {
		b.watch.close()
	}
	if b.shared != nil {
		errs = append(errs, b.shared.close())
	}
	return errors.Join(errs...)
}
