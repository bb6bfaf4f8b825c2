// Package host reads the machine that a run is made on: its description ([Describe]), the
// memory of the sandboxes ([MemoryGroup], [Meter]) and the CPU time of the run ([CPUMeter]),
// whether the machine is quiet enough to measure ([WaitForQuiet]), and what spoils a figure
// during a trial ([Conditions]). [Swap] is a swap device for one trial.
//
// A run joins a memory cgroup before the first backend starts a process, and leaves it
// after the last backend is closed:
//
//	group, err := host.JoinMemoryGroup() // nil where no controller is delegated
//	m, err := host.NewMeter(group, first)
//	used, err := m.All(live)
//	err = group.Leave()
package host
