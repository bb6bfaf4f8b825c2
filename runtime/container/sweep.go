package container

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// sweep removes the instances below parent whose owners are gone, with their
// containers, cgroups and bridges. Their mounts went with the owner.
func sweep(ctx context.Context, parent string, w *workshop) error {
	unlock, err := lock(parent)
	if err != nil {
		return err
	}
	defer unlock()
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, sweepInstance(ctx, filepath.Join(parent, e.Name()), w))
		}
	}
	return errors.Join(errs...)
}

func sweepInstance(ctx context.Context, dir string, w *workshop) error {
	hold, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer hold.Close()
	if unix.Flock(int(hold.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil // its owner lives
	}
	in := &instance{id: filepath.Base(dir), dir: dir}
	var record instanceRecord
	if b, err := os.ReadFile(filepath.Join(dir, "record.json")); err == nil {
		if err := json.Unmarshal(b, &record); err != nil {
			return err
		}
	}
	bundles, err := filepath.Glob(filepath.Join(dir, "*", "config.json"))
	if err != nil {
		return err
	}
	var errs []error
	var ours []*cgroup.Group
	for _, config := range bundles { // kill all, then wait for all
		if g := groupOf(config); g != nil {
			errs = append(errs, g.Kill())
			ours = append(ours, g)
		}
	}
	errs = append(errs, endContainers(ctx, in, record, w))
	for _, g := range ours {
		errs = append(errs, g.Remove())
	}
	errs = append(errs, removeBridge(in.bridgeName()), in.close())
	return errors.Join(errs...)
}

// groupOf is the group around the one that a bundle's specification names.
func groupOf(config string) *cgroup.Group {
	b, err := os.ReadFile(config)
	if err != nil {
		return nil
	}
	var s specs.Spec
	if json.Unmarshal(b, &s) != nil || s.Linux == nil || s.Linux.CgroupsPath == "" {
		return nil
	}
	path := filepath.Dir(s.Linux.CgroupsPath)
	if !strings.HasPrefix(filepath.Base(path), idPrefix) {
		return nil
	}
	return cgroup.At(path)
}

// endContainers waits for the OCI runtime's processes, which remove their
// containers as those end, and removes the others through the OCI runtime.
func endContainers(ctx context.Context, in *instance, record instanceRecord, w *workshop) error {
	state := func() []os.DirEntry { left, _ := os.ReadDir(in.ociRoot()); return left }
	for end := time.Now().Add(3 * time.Second); len(state()) > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	var errs []error
	for _, c := range state() {
		if !c.IsDir() || !strings.HasPrefix(c.Name(), idPrefix) {
			continue
		}
		o := oci{family: record.Family, command: record.Runtime}
		limited, cancel := context.WithTimeout(ctx, deletePatience)
		err := o.delete(limited, w, record.Runtime, in.ociRoot(), c.Name())
		cancel()
		if _, there := os.Stat(filepath.Join(in.ociRoot(), c.Name())); there == nil { // else its own process was faster
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
