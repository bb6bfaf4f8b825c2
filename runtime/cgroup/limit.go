package cgroup

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Limit replaces all limits of the group. A controller that it does not have
// limits nothing.
func (g *Group) Limit(l isolation.Limits) error {
	if g.Has(Memory) {
		err := g.limitMemory(l.MemoryBytes)
		if errors.Is(err, syscall.EBUSY) { // version 1 refuses a limit below what is in use
			return fmt.Errorf("the limit of %d MB is below what the runtime itself takes: %w", l.MemoryBytes>>20, err)
		}
		if err != nil {
			return fmt.Errorf("limit memory to %d bytes: %w", l.MemoryBytes, err)
		}
	}
	if g.Has(PIDs) {
		if err := write(g.file(PIDs, "pids.max"), orMax(int64(l.Processes))); err != nil {
			return fmt.Errorf("limit processes to %d: %w", l.Processes, err)
		}
	}
	if g.Has(CPU) {
		if err := g.limitCPU(l.CPUs); err != nil {
			return fmt.Errorf("limit CPU time to %v processors: %w", l.CPUs, err)
		}
	}
	return nil
}

// limitMemory bounds memory and swap together: what is limited may not swap in
// version 2. In version 1 the sum must never be below the memory limit, so the
// order depends on the direction. A kernel without swap accounting lacks the files
// for swap.
func (g *Group) limitMemory(n int64) error {
	if !g.HasV1(Memory) {
		if err := write(g.file(Memory, "memory.max"), orMax(n)); err != nil {
			return err
		}
		swap := "max"
		if n > 0 {
			swap = "0"
		}
		if err := ignoreMissing(write(g.file(Memory, "memory.swap.max"), swap)); err != nil {
			return err
		}
		// Without this the kernel may kill a child of the interpreter, and the function goes on.
		return ignoreMissing(write(g.file(Memory, "memory.oom.group"), "1"))
	}
	value := "-1"
	if n > 0 {
		value = strconv.FormatInt(n, 10)
	}
	sum := g.file(Memory, "memory.memsw.limit_in_bytes")
	first := ignoreMissing(write(sum, value))
	if err := write(g.file(Memory, "memory.limit_in_bytes"), value); err != nil || first == nil {
		return err
	}
	return write(sum, value)
}

const (
	quotaFile = "cpu.cfs_quota_us" // of version 1 (Documentation/scheduler/sched-bwc.rst)
	period    = 100_000            // of CPU limits, in µs: the kernel's default
	minQuota  = 1000               // the least that the kernel takes, in µs
)

// limitCPU bounds CPU time to a share of processors: 0.5 is half of one, 0
// lifts the limit. A share below a hundredth is a hundredth.
func (g *Group) limitCPU(cpus float64) error {
	quota := max(minQuota, int64(cpus*period))
	if cpus <= 0 {
		quota = -1
	}
	if g.HasV1(CPU) {
		return write(g.file(CPU, quotaFile), strconv.FormatInt(quota, 10))
	}
	return write(g.file(CPU, "cpu.max"), fmt.Sprint(orMax(quota), " ", period))
}
