package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts a process inside the group, which is charged from the birth of the
// process on. Version 1 charges the group of the thread that forks: the caller's
// thread, which must be locked, visits the memory group for the length of the
// fork. Groups of other controllers of version 1 are to be entered afterwards.
func (g *Group) Start(attr *syscall.SysProcAttr, start func() error) error {
	if g.v2 != "" {
		dir, err := os.Open(g.v2)
		if err != nil {
			return fmt.Errorf("open cgroup: %w", err)
		}
		defer dir.Close()
		attr.UseCgroupFD, attr.CgroupFD = true, int(dir.Fd())
	}
	if !g.HasV1(Memory) {
		return start()
	}
	thread := strconv.Itoa(unix.Gettid())
	if err := write(g.file(Memory, "tasks"), thread); err != nil {
		return fmt.Errorf("enter memory cgroup: %w", err)
	}
	err := start()
	if back := write(filepath.Join(g.home[Memory], "tasks"), thread); back != nil {
		err = errors.Join(err, fmt.Errorf("leave memory cgroup: %w", back))
	}
	return err
}
