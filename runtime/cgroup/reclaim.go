package cgroup

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// CanReclaim reports whether the kernel can be asked for a group's memory: version
// 1's memory.force_empty, or memory.reclaim of Linux 5.19 and later.
func (g *Group) CanReclaim() bool {
	if !g.Has(Memory) {
		return false
	}
	_, err := os.Stat(g.reclaimFile())
	return err == nil
}

func (g *Group) reclaimFile() string {
	if g.HasV1(Memory) {
		return g.file(Memory, "memory.force_empty")
	}
	return g.file(Memory, "memory.reclaim")
}

// Reclaim has the kernel take back the memory of the group and of the groups in it,
// and returns when the kernel finds no more: pages of files are dropped, all others
// go to swap as far as the host has any (memory.rst, cgroup-v1 section 5.1;
// cgroup-v2.rst, memory.reclaim).
func (g *Group) Reclaim() error {
	amount := int64(0) // version 1 takes all it can
	if !g.HasV1(Memory) {
		var err error
		if amount, err = number(g.file(Memory, "memory.current")); err != nil {
			return fmt.Errorf("reclaim memory: %w", err)
		}
	}
	// EAGAIN: the kernel took less than the whole.
	if err := write(g.reclaimFile(), fmt.Sprint(amount)); err != nil && !errors.Is(err, syscall.EAGAIN) {
		return fmt.Errorf("reclaim memory: %w", err)
	}
	return nil
}
