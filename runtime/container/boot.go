package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/container/image"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Boot implements isolation.Backend.
func (b *Backend) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	if err := b.enter(); err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, isolation.Scarce(err))
	}
	defer b.booting.Done()
	sb, err := b.boot(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s in %s: %w", spec.Interpreter.Runtime, b.Name(), isolation.Scarce(err))
	}
	if sb.group != nil && sb.group.Has(cgroup.Freezer) {
		return pausable{sb}, nil
	}
	return sb, nil
}

// enter counts what is under way, a boot above all, unless the backend is closed.
func (b *Backend) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	b.booting.Add(1)
	return nil
}

func (b *Backend) boot(ctx context.Context, spec isolation.BootSpec) (*sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	img, err := b.image(ctx, spec.Interpreter)
	if err != nil {
		return nil, err
	}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	sb, err := b.register()
	if err != nil {
		return nil, err
	}
	if err := sb.make(ctx, spec, img); err != nil {
		err = sb.explain(err)
		return nil, errors.Join(err, sb.Close())
	}
	return sb, nil
}

// register makes a sandbox that Close finds.
func (b *Backend) register() (*sandbox, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := b.cfg.Max
	if b.bridge != nil {
		limit = min(limit, MaxOnBridge)
	}
	if len(b.live) >= limit {
		return nil, fmt.Errorf("%w: there are %d, and the limit is %d", ErrFull, len(b.live), limit)
	}
	b.serial++
	id := idPrefix + b.home.id + "-" + strconv.Itoa(b.serial)
	dir := filepath.Join(b.home.dir, id)
	sb := &sandbox{
		shared: b.shared, dismiss: b.dismiss, id: id, dir: dir, layer: layer{dir: filepath.Join(dir, "layer")},
	}
	b.live[sb] = struct{}{}
	return sb, nil
}

func (b *Backend) dismiss(sb *sandbox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.live, sb)
}

// make goes from nothing to a driver that waits for code.
func (s *sandbox) make(ctx context.Context, spec isolation.BootSpec, img *image.Image) error {
	b := s.shared
	if err := os.Mkdir(s.dir, 0o711); err != nil {
		return err
	}
	attached, err := s.connect()
	if err != nil {
		return err
	}
	defer func() { _ = attached() }() // the endpoint must not be closed meanwhile
	if err := s.makeGroup(spec.Limits); err != nil {
		return err
	}
	if err := s.launch(spec, img); err != nil {
		return err
	}
	if s.session, _, err = driver.Open(ctx, s.conn); err != nil {
		return err
	}
	s.session.OnEnd(s.end)
	s.session.Log(s.log)
	if err := attached(); err != nil {
		return err
	}
	if err := s.awaitPID(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	err = s.openFirst()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := b.workshop.do(s.layer.detach); err != nil {
		return err
	}
	return s.session.Prepare(ctx, spec)
}

// connect takes or makes the network namespace. The function that it returns
// waits until it is attached to the bridge.
func (s *sandbox) connect() (attached func() error, err error) {
	attached = func() error { return nil }
	br := s.shared.bridge
	if br == nil {
		return attached, nil
	}
	if s.endpoint = s.shared.ready.get(); s.endpoint != nil {
		return attached, nil
	}
	if s.endpoint, err = br.newEndpoint(); err != nil {
		return attached, err
	}
	if s.shared.oci.family == gVisor { // copies the interfaces when it starts
		return attached, s.endpoint.attach()
	}
	done := make(chan error, 1)
	go func() { done <- s.endpoint.attach() }()
	return sync.OnceValue(func() error { return <-done }), nil
}

// makeGroup makes the cgroup around the container, if the host permits one. The
// OCI runtime makes it in the trees of other controllers.
func (s *sandbox) makeGroup(l isolation.Limits) error {
	b := s.shared
	parent, err := cgroup.Parent() // anew each time: the platform may have been moved to another group
	if err != nil {
		return nil // CanLimit says why
	}
	// In version 1 the path of our memory group need not be there in other trees.
	b.noting.Lock()
	for _, dir := range parent.Dirs() {
		err = errors.Join(err, makeNoted(dir, b.home.note))
	}
	b.noting.Unlock()
	if err != nil {
		return err
	}
	s.group, s.limits = parent.Child(s.id), l
	if err := s.group.Make(limited...); err != nil || l == (isolation.Limits{}) {
		return err
	}
	return s.group.Limit(b.oci.enforced(l))
}

// launch mounts the layer, writes the bundle and starts the OCI runtime.
func (s *sandbox) launch(spec isolation.BootSpec, img *image.Image) error {
	b := s.shared
	conn, channel, err := driver.SocketPair()
	if err != nil {
		return err
	}
	defer channel.Close()
	s.conn = conn
	log, w, err := driver.NewLogPipe()
	if err != nil {
		return err
	}
	defer w.Close()
	s.log = log
	if err := b.oci.fit(w); err != nil {
		return err
	}
	bundle := b.bundle(img)
	bundle.env = environment(spec)
	// The driver opens the pipe anew, as its descriptors 1 and 2.
	if err := w.Chown(int(bundle.root), int(bundle.root)); err != nil {
		return fmt.Errorf("hand the log over: %w", err)
	}
	if s.endpoint != nil {
		bundle.netns = s.endpoint.path()
	}
	if s.group != nil {
		bundle.cgroup = filepath.Join(s.group.Path(), innerGroup)
	}
	if bundle.overlayed {
		bundle.rootfs = s.layer.rootfs()
	}
	if err := bundle.write(s.dir); err != nil {
		return err
	}
	cmd := b.oci.run(b.home.path, b.home.ociRoot(), s.dir, s.id, b.cfg.Network, channel, w)
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	err = b.workshop.do(func() error {
		if bundle.overlayed {
			if err := s.layer.mount(img.Root, bundle.root); err != nil {
				return err
			}
		}
		return cmd.Start()
	})
	if err != nil {
		return err
	}
	s.watch(cmd)
	return nil
}

// bundle is what this host and configuration give all containers.
func (h *shared) bundle(img *image.Image) bundle {
	u := bundle{rootfs: img.Root, command: img.Command, network: h.cfg.Network}
	if h.workshop != nil {
		u.root, u.ids, u.overlayed = h.cfg.FirstUID, 65536, true
	} else {
		u.root, u.ids = uint32(os.Geteuid()), 1
	}
	return u
}

func (b bundle) write(dir string) error {
	s, err := b.specification()
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	config, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600)
}

// awaitPID waits for the file: runc and crun write it when the container runs,
// and its driver may say hello before that. runc renames it into place; crun
// makes it, and writes then.
func (s *sandbox) awaitPID(ctx context.Context) error {
	for {
		err := s.readPID()
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-s.gone:
			return fmt.Errorf("%w: the OCI runtime ended before it wrote %s", driver.ErrEnded, pidFile(s.dir))
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", pidFile(s.dir), ctx.Err())
		}
	}
}

// openFirst keeps hold of the container's first process. s.mu is held.
func (s *sandbox) openFirst() error {
	if err := s.readPID(); err != nil {
		return err
	}
	p, err := openPID(s.PID())
	if err != nil {
		return fmt.Errorf("%w: %w", driver.ErrEnded, err)
	}
	s.first = &p
	return nil
}

func (s *sandbox) readPID() error {
	b, err := os.ReadFile(pidFile(s.dir))
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return fmt.Errorf("read %s: %w yet", pidFile(s.dir), fs.ErrNotExist)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return fmt.Errorf("read %s: %w", pidFile(s.dir), err)
	}
	s.pid.Store(int64(pid))
	return nil
}
