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
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Config of the backend; the zero value works.
type Config struct {
	Dir      string // for driver files and work directories; the system's temporary one by default
	FirstUID uint32 // where the user ids of functions begin if the platform is root; FirstUID by default
	MaxFile  int64  // largest file that a function may write, in bytes; 512 MB, AWS's /tmp, by default

	withoutCgroups bool // as on a host that permits none; for tests
	withoutUsers   bool // as if not root; for tests
	withoutViews   bool // as on a host that permits no mount namespace; for tests
}

// Backend runs every sandbox as a process of its own.
type Backend struct {
	cfg Config

	preparing sync.Mutex // guards what follows until it is ready
	ready     bool
	dir       string
	cgroups   *cgroup.Group // around the sandboxes' own
	users     *users        // nil if functions run as the platform's own user
	noView    error         // why sandboxes have no file system of their own; nil: they have
	spawner   *spawner
	watch     *watch // nil where a cgroup limits memory

	mu      sync.Mutex
	closed  bool
	booting sync.WaitGroup
	serial  int
	live    map[*sandbox]struct{}
}

// New returns the backend. Nothing is touched before the first Boot.
func New(cfg Config) *Backend {
	if cfg.MaxFile == 0 {
		cfg.MaxFile = 512 << 20
	}
	return &Backend{cfg: cfg, live: map[*sandbox]struct{}{}}
}

// Name is "process".
func (b *Backend) Name() string { return "process" }

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
			Lacks:  "children of a function could not be ended for certain: neither cgroups nor user namespaces are permitted",
			Remedy: namespaceRemedy("/proc/sys")}
	}
	return nil
}

// namespaceRemedy is what permits user namespaces: the settings that keep a user
// from making them where the host has these, else those of a container.
func namespaceRemedy(sysctls string) string {
	for _, s := range []struct{ name, forbids, permits string }{
		{"kernel.unprivileged_userns_clone", "0", "1"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
		{"user.max_user_namespaces", "0", "15000"},
	} {
		text, err := os.ReadFile(filepath.Join(sysctls, strings.ReplaceAll(s.name, ".", "/")))
		if err == nil && strings.TrimSpace(string(text)) == s.forbids {
			return "sysctl " + s.name + "=" + s.permits + ", or run as root"
		}
	}
	return "run as root, or permit user namespaces (docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
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
	case l.Processes > 0 && !b.cgroups.Has(cgroup.PIDs) && b.users != nil && !hasCapability(unix.CAP_SYS_RESOURCE):
		return lacks("no pids cgroup can be made and CAP_SYS_RESOURCE is missing", "grant CAP_SYS_RESOURCE")
	}
	return nil
}

// Boot implements isolation.Backend.
func (b *Backend) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	sb, err := b.boot(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, scarce(err))
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
	sb, err := b.launch(name, spec)
	if err != nil {
		return nil, err
	}
	if err := sb.greet(ctx, spec); err != nil {
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
	return errors.Join(append(errs, b.dismantle())...)
}
