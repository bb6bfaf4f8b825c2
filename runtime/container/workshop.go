package container

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// workshop is one thread of this process that lives in a mount namespace of
// its own. Layers are mounted there and OCI runtimes started from there: their
// mounts never show on the host, and all of them vanish with this process,
// however it ends.
//
// On hosts with hybrid cgroups the version 2 mount is taken away in there:
// crun works with version 1 or 2, and refuses what looks like both.
type workshop struct {
	jobs chan func()
	done chan struct{}
}

func openWorkshop() (*workshop, error) {
	w := &workshop{jobs: make(chan func()), done: make(chan struct{})}
	started := make(chan error)
	go w.run(started)
	return w, <-started
}

func (w *workshop) run(started chan<- error) {
	runtime.LockOSThread() // for ever: the thread ends with the goroutine
	if unix.Gettid() == os.Getpid() {
		// The main thread does not end, and is what /proc/PID shows: take another.
		taken := make(chan error)
		go w.run(taken)
		err := <-taken
		runtime.UnlockOSThread()
		started <- err
		return
	}
	err := enterMountNamespace()
	started <- err
	if err == nil {
		for job := range w.jobs {
			job()
		}
	}
	close(w.done)
}

func enterMountNamespace() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if cgroup.Mode() != "hybrid" {
		return nil
	}
	for _, t := range cgroup.Trees() {
		if t.Controller != cgroup.Unified {
			continue
		}
		if err := unix.Unmount(t.Mount, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("hide %s: %w", t.Mount, err)
		}
	}
	return nil
}

// do runs f in the workshop, one at a time. A nil workshop runs it at once.
func (w *workshop) do(f func() error) (err error) {
	if w == nil {
		return f()
	}
	ran := make(chan struct{})
	w.jobs <- func() { err = f(); close(ran) }
	<-ran
	return err
}

func (w *workshop) close() {
	close(w.jobs)
	<-w.done
}
