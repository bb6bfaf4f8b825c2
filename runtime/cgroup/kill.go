package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CanKill reports whether Kill ends all processes in one step of the kernel,
// which no fork can slip through: version 2 from Linux 5.14 on.
func (g *Group) CanKill() bool {
	_, err := os.Stat(g.file(Unified, "cgroup.kill"))
	return g.v2 != "" && err == nil
}

// Kill ends every process in the group and in those below it, frozen or not,
// those that left their session and process group included.
func (g *Group) Kill() error {
	var err error
	if g.CanKill() {
		err = Kill(g.v2)
	} else {
		for _, dir := range g.Dirs() {
			signalAll(dir)
		}
	}
	if g.Has(Freezer) { // version 1 keeps a killed process frozen
		err = errors.Join(err, g.Thaw())
	}
	return err
}

// Kill ends every process in the group of a version 2 directory and below it.
func Kill(dir string) error {
	if err := write(filepath.Join(dir, "cgroup.kill"), "1"); err != nil {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	return nil
}

// signalAll kills the processes of a directory's group and of those below it,
// one after the other. One that ended meanwhile needs no signal.
func signalAll(dir string) {
	for _, pid := range processes(dir) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	for _, below := range children(dir) {
		signalAll(below)
	}
}
