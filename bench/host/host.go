// Package host reads the machine that a run is made on: its description
// ([Describe]), the memory of the sandboxes ([MemoryGroup], [Meter]), and whether it is
// quiet enough to measure ([WaitForQuiet]).
//
// A run joins a memory cgroup before the first backend starts a process, and leaves it
// after the last backend is closed:
//
//	group, err := host.JoinMemoryGroup() // nil where no controller is delegated
//	m, err := host.NewMeter(group, first)
//	used, err := m.All(live)
//	err = group.Leave()
package host
