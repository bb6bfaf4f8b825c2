// Package cgroup is all that this project does with Linux's control groups
// (cgroups(7)), of version 1, of version 2, and of both side by side on a
// hybrid host. A backend chooses the controllers; this package knows the trees,
// the files and their formats.
//
//	parent, err := cgroup.New(cgroup.OwnedName("lambdabench-example-"), cgroup.CPU)
//	if !parent.Has(cgroup.CPU) {
//		return err // why not
//	}
//	g := parent.Child("one")
//	err = errors.Join(g.Make(), g.Limit(isolation.Limits{CPUs: 0.5}), g.Enter(pid, cgroup.CPU))
//	…
//	g.Remove()
//
// A [Tree] is a mounted hierarchy with this process's place in it. A [Group] is
// one directory in each of some trees: it is limited, measured, frozen, killed
// and removed as one. [New] makes a group for a backend that starts processes
// itself; [Parent] finds one for an OCI runtime, which wants the same path in
// every tree. [Sweep] ends and removes the groups of processes that are gone.
// [ReadMemory] and [TaskLimits] say what the groups above leave this process.
package cgroup
