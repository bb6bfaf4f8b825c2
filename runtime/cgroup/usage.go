package cgroup

import (
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Source is what isolation.Usage and records call the group's memory figure;
// "" where the group has none.
func (g *Group) Source() string {
	switch {
	case g.HasV1(Memory):
		return "cgroup-v1"
	case g.Has(Memory):
		return "cgroup-v2"
	}
	return ""
}

// Usage counts the memory that the group is charged with but for page cache
// that can be dropped, as Docker does, and its CPU time where it has a tree
// that counts it. Linux before 5.19 knows no peak in version 2.
func (g *Group) Usage() (u isolation.Usage, err error) {
	current, cache, peak := "memory.current", "inactive_file", "memory.peak"
	if g.HasV1(Memory) {
		current, cache, peak = "memory.usage_in_bytes", "total_inactive_file", "memory.max_usage_in_bytes"
	}
	u.Source = g.Source()
	if u.MemoryBytes, err = number(g.file(Memory, current)); err != nil {
		return u, err
	}
	droppable, err := field(g.file(Memory, "memory.stat"), cache)
	if err != nil {
		return u, err
	}
	u.MemoryBytes -= min(droppable, u.MemoryBytes)
	if u.PeakBytes, err = number(g.file(Memory, peak)); ignoreMissing(err) != nil {
		return u, err
	}
	u.CPU, err = g.CPUTime()
	return u, err
}

// CPUTime is user and system time of the group's processes, of those that have
// ended too; 0 where neither tree that counts it is there.
func (g *Group) CPUTime() (time.Duration, error) {
	if g.HasV1(cpuacct) {
		n, err := number(g.file(cpuacct, "cpuacct.usage"))
		return time.Duration(n), err
	}
	if g.v2 == "" {
		return 0, nil
	}
	n, err := field(g.file(Unified, "cpu.stat"), "usage_usec")
	return time.Duration(n) * time.Microsecond, err
}

// OutOfMemory reports whether the kernel killed processes of the group for want
// of memory, and whether the group's own limit was met: otherwise the host, or a
// group above, ran out of memory (memory.events of cgroups(7)).
//
// Version 1 counts kills in the process's own group alone, not in those above.
// There the peak tells of the limit, less what the kernel charges in batches.
func (g *Group) OutOfMemory() (killed, own bool) {
	if !g.Has(Memory) {
		return false, false
	}
	if g.HasV1(Memory) {
		kills, _ := field(g.file(Memory, "memory.oom_control"), "oom_kill")
		limit, _ := number(g.file(Memory, "memory.limit_in_bytes"))
		peak, err := number(g.file(Memory, "memory.max_usage_in_bytes"))
		return kills > 0, err == nil && peak >= limit-limit/64
	}
	kills, _ := field(g.file(Memory, "memory.events"), "oom_kill")
	met, _ := field(g.file(Memory, "memory.events"), "oom")
	return kills > 0, met > 0
}
