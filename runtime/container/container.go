// Package container isolates language runtimes in OCI containers, made by
// whichever OCI runtime the host has through its standard command line: runc,
// crun, or gVisor's runsc. Each is a backend of its own: container/runc,
// container/crun, container/runsc.
//
//	b := container.New(container.Config{OCI: "crun"})
//	defer b.Close()
//	if err := b.Probe(ctx); err != nil { … } // says what the host lacks
//	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: node, Limits: limits})
//
// # What a sandbox is
//
// An image (package image) as the read-only lower layer of an overlay, with an
// upper layer of its own in memory; /tmp, /dev and /dev/shm in memory too, so
// that all a function writes counts against its memory limit. Own pid, mount,
// ipc, uts, cgroup, user and (but for network host) network namespaces. Root
// inside is an unprivileged user of the host (Config.FirstUID); no
// capabilities; no_new_privs; Docker's seccomp profile, and the paths that
// Docker masks. There is no /sys. Memory, processes and CPU are limited by the
// cgroups of whichever version the host has, and frozen through them
// ([isolation.Pauser]). A function's package is sent over the driver's channel
// and written to /var/task.
//
// The OCI runtime's process stays beside each container and waits for it, as
// Docker's shim does; its memory is part of what a container costs.
//
// The first process of a container is a small init (tini, or another that the
// host has), as with docker run --init: Linux shields the first process from
// signals, so that a function could not kill itself, and orphans would stay.
//
// # Network
//
// Bridge, the default for root, is what Docker does and the paper measured: an
// own namespace, a veth pair, a bridge, an address from a pool. Functions reach
// the host at [Backend.HostAddress] and each other; nothing is masqueraded, so
// they reach no further. None has a loopback only. Host is the host's network.
//
// On the path of Boot lie, as with Docker: network namespace, veth pair,
// overlay, cgroups, the container. The veth pair is attached while the OCI
// runtime works. Off the path: building images, the bridge, and the removal of
// network namespaces, which the kernel does by itself some tens of
// milliseconds after Close. Config.NetworkPool takes the namespaces off as well:
// so many are kept ready. It is off by default, and a result with it must say so.
//
// # What is left
//
// Mounts are made in a mount namespace that only this process has, and
// detached there as soon as the container holds its own. The rest (bundles,
// containers, cgroups, bridge) is written down below Config.StateDir before it
// is made; the first Boot of any later backend removes what a killed platform
// left there.
//
// # gVisor
//
// runsc runs a container on the sentry, a kernel in a process of the host, with
// gVisor's default platform (systrap) and file system (directfs). The cgroup
// around it holds the sentry and its gofer: memory and CPU time are theirs and
// the function's together. The number of processes is not limited. The system
// call filter, the namespaces and the paths in /proc are the sentry's own.
// `./run.sh --with gvisor` builds runsc from the Go module in gvisor/.
//
// # Without root
//
// A user who may make user namespaces gets containers of a single user id: no
// bridge, no overlay (the image is read-only, /var/task is in memory). Limits
// and Pauser are there where version 2 cgroups were delegated to the user
// (systemd: Delegate=yes); [Backend.CanLimit] and Usage say so.
package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/container/image"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Backend makes containers with one OCI runtime.
type Backend struct {
	cfg Config
	oci oci

	slots chan struct{}

	preparing sync.Mutex              // guards the next two
	*shared                           // nil until the first use; does not change while the backend is open
	images    map[string]*image.Image // by the interpreter's path

	mu      sync.Mutex
	closed  bool                  // guarded by mu
	live    map[*sandbox]struct{} // guarded by mu
	serial  int                   // of the last sandbox; guarded by mu
	booting sync.WaitGroup        // boots that are under way
}

// New returns the backend. Nothing is touched before the first Boot.
func New(cfg Config) *Backend {
	if cfg.OCI == "" {
		cfg.OCI = "runc"
	}
	if cfg.Max == 0 {
		cfg.Max = bears()
	}
	if cfg.Network == "" {
		cfg.Network = NetworkNone
		if os.Geteuid() == 0 {
			cfg.Network = NetworkBridge
		}
	}
	if cfg.FirstUID == 0 {
		cfg.FirstUID = FirstUID
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = max(4, 2*runtime.NumCPU())
	}
	return &Backend{
		cfg: cfg, oci: newOCI(cfg.OCI), slots: make(chan struct{}, cfg.Parallel),
		images: map[string]*image.Image{}, live: map[*sandbox]struct{}{},
	}
}

// Name is "container/" and the OCI runtime's.
func (b *Backend) Name() string { return b.oci.name() }

// Probe names the first fact of this host that prevents containers.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return (probe{b.oci, b.cfg.Network}).host(ctx)
}

// CanLimit implements isolation.Limiter.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if l == (isolation.Limits{}) {
		return nil
	}
	if l.Processes > 0 && b.OwnsKernel() {
		return b.oci.lacks("gVisor's sentry bounds no number of processes, and what the host counts are its own tasks",
			"")
	}
	g, err := cgroup.Parent()
	if err != nil {
		return b.oci.lacks("no limits: "+err.Error(),
			"have cgroup version 2 controllers delegated (systemd-run --user -p Delegate=yes), or run as root")
	}
	for controller, wanted := range map[string]bool{
		cgroup.Memory: l.MemoryBytes > 0, cgroup.PIDs: l.Processes > 0, cgroup.CPU: l.CPUs > 0,
	} {
		if wanted && !g.Has(controller) {
			return b.oci.lacks("the cgroup controller "+controller+" is not there",
				"enable it in the kernel and in cgroup.subtree_control")
		}
	}
	return nil
}

// OwnsKernel implements isolation.KernelOwner.
func (b *Backend) OwnsKernel() bool { return b.oci.family == gVisor }

// Footprint implements isolation.Footprinter.
func (b *Backend) Footprint() int64 { return footprint }

// Anticipate implements isolation.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{isolation.StepNetwork, isolation.StepInterpreter}
}

// Bounds implements isolation.Bounded.
func (b *Backend) Bounds() []isolation.Bound {
	all := []isolation.Bound{{Sandboxes: b.cfg.Max, By: "that is the configured limit"}}
	if b.cfg.Network == NetworkBridge {
		all = append(all, isolation.Bound{Sandboxes: MaxOnBridge, By: "a bridge has no more ports",
			Remedy: "those without a network need none (--" + NetworkFlag + " none)"})
	}
	return all
}

// Version is the OCI runtime's own, with what sandboxes get of the host.
func (b *Backend) Version(ctx context.Context) (string, error) {
	v, err := b.oci.version(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, network %s, %s", v, b.cfg.Network, describeCgroups()), nil
}

// Program is the path of the OCI runtime.
func (b *Backend) Program() (string, error) { return b.oci.find() }

// prepare makes what all sandboxes share. After a failure the next use tries
// again.
func (b *Backend) prepare(ctx context.Context) error {
	b.preparing.Lock()
	defer b.preparing.Unlock()
	if b.shared != nil {
		return nil
	}
	made, err := makeShared(ctx, b.cfg, b.oci)
	if err == nil {
		b.shared = made
	}
	return err
}

// image opens an interpreter's image, once.
func (b *Backend) image(ctx context.Context, in isolation.Interpreter) (*image.Image, error) {
	dir, err := b.cfg.imageDir()
	if err != nil {
		return nil, err
	}
	b.preparing.Lock()
	defer b.preparing.Unlock()
	if img := b.images[in.Path]; img != nil {
		return img, nil
	}
	init, err := findInit()
	if err != nil {
		return nil, err
	}
	img, err := image.Open(ctx, dir, in, init)
	if err == nil {
		b.images[in.Path] = img
	}
	return img, err
}

// HostAddress is the address at which sandboxes on the bridge reach the host.
// Other networks have none: none reaches nothing, host is at 127.0.0.1.
func (b *Backend) HostAddress(ctx context.Context) (string, error) {
	switch b.cfg.Network {
	case NetworkNone:
		return "", &isolation.Unavailable{Backend: b.Name(), Lacks: "sandboxes without a network do not reach the host",
			Remedy: "--" + NetworkFlag + " host, or bridge as root"}
	case NetworkHost:
		return "127.0.0.1", nil
	}
	if err := b.enter(); err != nil { // a closed backend makes no bridge
		return "", err
	}
	defer b.booting.Done()
	if err := b.prepare(ctx); err != nil {
		return "", err
	}
	return b.bridge.gateway.String(), nil
}

// Close implements isolation.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.booting.Wait()
	b.mu.Lock()
	all := make(chan *sandbox, len(b.live))
	for sb := range b.live {
		all <- sb
	}
	close(all)
	b.mu.Unlock()
	var errs []error
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range b.cfg.Parallel {
		wg.Go(func() {
			for sb := range all {
				if err := sb.Close(); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	b.preparing.Lock()
	defer b.preparing.Unlock()
	for _, img := range b.images {
		errs = append(errs, img.Close())
	}
	clear(b.images)
	if b.shared != nil {
		errs = append(errs, b.shared.close())
		b.shared = nil
	}
	return errors.Join(errs...)
}
