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

// shared is all that the sandboxes of a backend have in common. It does not
// change once it is made.
type shared struct {
	cfg     Config
	dir     string
	cgroups *cgroup.Group // around the sandboxes' own
	users   *users        // nil if functions run as the platform's own user
	noView  error         // why sandboxes have no file system of their own; nil: they have
	spawner *spawner
}

// makeShared also removes what an earlier platform left. After a failure nothing
// stays of it.
func makeShared(cfg Config) (_ *shared, err error) {
	h := &shared{cfg: cfg, cgroups: &cgroup.Group{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if os.Geteuid() == 0 && !cfg.withoutUsers {
		if h.users, err = newUsers(cfg.FirstUID); err != nil {
			return nil, err
		}
	}
	own := cgroup.OwnedName(prefix)
	if !cfg.withoutCgroups {
		// CanLimit names the controllers that are missing.
		h.cgroups, _ = cgroup.New(own, cgroup.Unified, cgroup.Memory, cgroup.PIDs, cgroup.CPU)
		if err := cgroup.Sweep(prefix); err != nil {
			return nil, err
		}
	}
	parent := cfg.Dir
	if parent == "" || h.users != nil && !open(parent) {
		parent = os.TempDir()
	}
	if err := removeOrphans(parent, h.users); err != nil {
		return nil, err
	}
	if err := h.makeDir(parent, own); err != nil {
		return nil, err
	}
	h.spawner = newSpawner()
	h.noView = h.tryView()
	return h, nil
}

// makeDir makes the backend's directory, with the drivers in it.
func (h *shared) makeDir(parent, own string) error {
	dir := filepath.Join(parent, own)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	h.dir = dir
	if h.users != nil && !open(dir) {
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

// errNoView: functions share the host's file system.
var errNoView = errors.New("functions see the host's files and share its /tmp")

// tryView finds out whether this host lets sandboxes have a file system of
// their own, by making one. The error says why not, for CanConfine.
func (h *shared) tryView() error {
	why := errors.New("turned off")
	switch v := h.newView("/bin/sh"); {
	case h.cfg.withoutViews:
	case h.users != nil:
		why = h.spawner.do(func() error { return h.spawner.within(v, 0, func() error { return nil }) })
	default:
		why = tryScript(h.spawner, v)
	}
	if why == nil {
		return nil
	}
	remedy := "permit user namespaces (docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined; " +
		"Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
	if h.users != nil {
		remedy = "give this environment CAP_SYS_ADMIN (docker: --privileged)"
	}
	return &isolation.Unavailable{Backend: name, Lacks: fmt.Sprintf("%v: %v", errNoView, why), Remedy: remedy}
}

func (h *shared) newView(interpreter string) *view {
	return newView(filepath.Join(h.dir, "root"), filepath.Join(h.dir, "runtime"), interpreter)
}

// close is the reverse of makeShared, as far as that came.
func (h *shared) close() error {
	if h.spawner != nil {
		h.spawner.close()
	}
	errs := []error{h.cgroups.Remove()}
	if h.users != nil {
		errs = append(errs, h.users.mark.Close())
	}
	if h.dir != "" {
		errs = append(errs, os.RemoveAll(h.dir))
	}
	return errors.Join(errs...)
}
