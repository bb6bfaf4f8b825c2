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
// # Without root
//
// A user who may make user namespaces gets containers of a single user id: no
// bridge, no overlay (the image is read-only, /var/task is in memory). Limits
// and Pauser are there where version 2 cgroups were delegated to the user
// (systemd: Delegate=yes); [Backend.CanLimit] and Usage say so.
//
// runsc's command line is taken from gVisor's documentation; the authors had
// no host with runsc.
package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/container/image"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Config of the backend; the zero value works.
type Config struct {
	OCI string // the OCI runtime: "runc", "crun" or "runsc", or a path to one; "runc" by default

	Network     Network // bridge for root, none for others by default
	NetworkPool int     // network namespaces that are kept ready; 0 makes each at Boot

	Dir      string // for images; lambdabench in the user's cache directory by default
	StateDir string // where running containers are written down; in /run or XDG_RUNTIME_DIR by default

	FirstUID uint32 // host user id that is root in containers, 65536 ids from there; FirstUID by default
	Parallel int    // containers that are being made at a time; twice the processors, at least 4, by default
	Max      int    // containers at a time; by default as many as the memory at hand bears (isolation.Bears). A bridge bears MaxOnBridge.
}

// FirstUID is the default of Config.FirstUID. It lies beyond the ranges that
// distributions hand out in subuid(5).
const FirstUID = 0x6c620000

// Families are the OCI runtimes that a backend can be made of.
func Families() []string { return []string{"runc", "crun", "runsc"} }

// Backend makes containers with one OCI runtime.
type Backend struct {
	cfg Config
	oci oci

	preparing sync.Mutex
	ready     bool
	home      *instance
	workshop  *workshop // nil where we are not root
	bridge    *bridge   // nil unless Config.Network is NetworkBridge
	slots     chan struct{}

	mu      sync.Mutex
	closed  bool
	images  map[string]*image.Image
	live    map[*sandbox]struct{}
	serial  int
	booting sync.WaitGroup
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
func (b *Backend) Name() string { return "container/" + b.oci.family }

// Version is the OCI runtime's own, with what sandboxes get of the host.
func (b *Backend) Version(ctx context.Context) (string, error) {
	v, err := b.oci.version(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, network %s, %s", v, b.cfg.Network, describeCgroups()), nil
}

// prepare makes what all sandboxes share. After a failure the next Boot tries
// again.
func (b *Backend) prepare(ctx context.Context) (err error) {
	b.preparing.Lock()
	defer b.preparing.Unlock()
	if b.ready {
		return nil
	}
	if err := b.probeHost(ctx); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if b.workshop, err = openWorkshop(); err != nil {
			return fmt.Errorf("make a private mount namespace: %w", err)
		}
	}
	if b.home, err = openInstance(ctx, b.stateDir(), b.oci, b.workshop); err == nil && b.cfg.Network == NetworkBridge {
		b.bridge, err = openBridge(b.home, b.cfg.NetworkPool)
	}
	if err != nil {
		return errors.Join(err, b.dismantle())
	}
	b.ready = true
	return nil
}

// dismantle is the reverse of prepare.
func (b *Backend) dismantle() error {
	var errs []error
	if b.bridge != nil {
		errs = append(errs, b.bridge.close())
	}
	if b.home != nil {
		errs = append(errs, b.home.close())
	}
	if b.workshop != nil {
		b.workshop.close()
	}
	b.bridge, b.home, b.workshop, b.ready = nil, nil, nil, false
	return errors.Join(errs...)
}

// image opens an interpreter's image, once.
func (b *Backend) image(ctx context.Context, in isolation.Interpreter) (*image.Image, error) {
	dir, err := b.imageDir()
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
	return errors.Join(append(errs, b.dismantle())...)
}
