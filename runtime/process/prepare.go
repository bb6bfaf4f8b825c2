package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// prepare makes what the sandboxes share, and removes what an earlier platform
// left. After a failure the next use tries again.
func (b *Backend) prepare() error {
	b.preparing.Lock()
	defer b.preparing.Unlock()
	if b.isClosed() {
		return errClosed
	}
	if b.ready {
		return nil
	}
	if err := b.makeShared(); err != nil {
		err = fmt.Errorf("prepare process backend: %w", errors.Join(err, b.dismantle()))
		b.dir, b.cgroups, b.users, b.spawner, b.watch = "", nil, nil, nil, nil
		return err
	}
	b.ready = true
	return nil
}

func (b *Backend) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

func (b *Backend) makeShared() (err error) {
	if os.Geteuid() == 0 && !b.cfg.withoutUsers {
		if b.users, err = newUsers(b.cfg.FirstUID); err != nil {
			return err
		}
	}
	name := cgroup.OwnedName(prefix)
	b.cgroups = &cgroup.Group{}
	if !b.cfg.withoutCgroups {
		// CanLimit names the controllers that are missing.
		b.cgroups, _ = cgroup.New(name, cgroup.Unified, cgroup.Memory, cgroup.PIDs, cgroup.CPU)
		if err := cgroup.Sweep(prefix); err != nil {
			return err
		}
	}
	parent := b.cfg.Dir
	if parent == "" || b.users != nil && !open(parent) {
		parent = os.TempDir()
	}
	if err := removeOrphans(parent, b.users); err != nil {
		return err
	}
	if err := b.makeDir(parent, name); err != nil {
		return err
	}
	b.spawner = newSpawner()
	b.noView = b.tryView()
	if b.cgroups.Source() == "" {
		b.watch = newWatch(b)
	}
	return nil
}

// makeDir makes the backend's directory, with the drivers in it.
func (b *Backend) makeDir(parent, name string) error {
	dir := filepath.Join(parent, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	b.dir = dir
	if b.users != nil && !open(dir) {
		return fmt.Errorf("unprivileged users cannot enter %s: choose another TMPDIR", parent)
	}
	for _, below := range []string{"runtime", "root"} {
		if err := os.Mkdir(filepath.Join(dir, below), 0o755); err != nil {
			return err
		}
	}
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		name, src, err := driver.Source(lang)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "runtime", name), src, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// dismantle is the reverse of makeShared, as far as that came.
func (b *Backend) dismantle() error {
	var errs []error
	if b.watch != nil {
		b.watch.close()
	}
	if b.spawner != nil {
		b.spawner.close()
	}
	if b.cgroups != nil {
		errs = append(errs, b.cgroups.Remove())
	}
	if b.users != nil {
		errs = append(errs, b.users.mark.Close())
	}
	if b.dir != "" {
		errs = append(errs, os.RemoveAll(b.dir))
	}
	return errors.Join(errs...)
}
