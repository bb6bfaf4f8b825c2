// Package image writes the root file systems that containers see, as package rootfs plans them, with the invocation
// driver and a small init.
//
// An image is a directory that is built once and never changed: its name holds
// a hash of the paths, sizes and times of all that goes into it, so that an
// interpreter that was updated gets a new one. Any number of processes may
// open images in one directory; an older image of the same runtime is removed
// when nobody has it open.
//
//	img, err := image.Open(ctx, dir, node, "/usr/bin/tini-static")
//	if err != nil { … }
//	defer img.Close()
//	// img.Root is a read-only lower layer; img.Command starts the driver in it.
//
// The package is no container image builder: it takes what this host has
// installed, knows no registry and no layers.
package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// DriverDir is where an image has the driver.
const DriverDir = "/opt/lambdabench"

// Image is a built root file system that is held open.
type Image struct {
	Root    string   // the directory on the host
	Command []string // starts the interpreter with the driver, inside

	once sync.Once
	hold *os.File
}

// Close gives the image up. Its files stay for the next Open.
func (m *Image) Close() error {
	var err error
	m.once.Do(func() { err = m.hold.Close() })
	return err
}

// Open returns the image of an interpreter below dir, and builds it where it
// is missing. init is a program of the host that is to be the container's
// first process and run the interpreter; with none it is empty.
func Open(ctx context.Context, dir string, in isolation.Interpreter, init string) (*Image, error) {
	tree, err := plan(ctx, in, init)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make image directory: %w", err)
	}
	root := filepath.Join(dir, in.Runtime+"-"+tree.Key())
	hold, err := holdOrBuild(root, tree)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", in.Runtime, err)
	}
	prune(dir, in.Runtime+"-", filepath.Base(root))
	name, _, err := driver.Source(in.Language)
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	command := append([]string{in.Path}, driver.Args(in.Language, DriverDir+"/"+name)...)
	if init != "" {
		command = append([]string{init, "--"}, command...)
	}
	return &Image{Root: root, Command: command, hold: hold}, nil
}

// holdOrBuild tries again when another process removes the image between its
// being found and being held.
func holdOrBuild(root string, tree *rootfs.Tree) (*os.File, error) {
	for range 10 {
		hold, err := os.Open(root)
		if errors.Is(err, os.ErrNotExist) {
			if err = build(root, tree); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(hold.Fd()), unix.LOCK_SH|unix.LOCK_NB); err == nil && sameFile(hold, root) {
			return hold, nil
		}
		hold.Close()
	}
	return nil, fmt.Errorf("%s is being removed again and again by another process", root)
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	b, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

// build writes the image beside its place and moves it there whole.
func build(root string, tree *rootfs.Tree) (err error) {
	tmp, err := os.MkdirTemp(filepath.Dir(root), ".building-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	for _, f := range tree.Files() {
		if f.Path == "/" {
			continue
		}
		if err := write(f, filepath.Join(tmp, f.Path)); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	err = os.Rename(tmp, root)
	if errors.Is(err, os.ErrExist) || errors.Is(err, unix.ENOTEMPTY) { // another process was faster
		return nil
	}
	return err
}

// prune removes older images of the runtime that nobody holds, and what a
// build that was killed left. It is housekeeping: what fails is tried again by
// the next Open.
func prune(dir, prefix, keep string) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, n := range names {
		stale := strings.HasPrefix(n.Name(), ".building-") && olderThanAnHour(n)
		if n.Name() == keep || !stale && !strings.HasPrefix(n.Name(), prefix) {
			continue
		}
		path := filepath.Join(dir, n.Name())
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			os.RemoveAll(path)
		}
		f.Close()
	}
}
