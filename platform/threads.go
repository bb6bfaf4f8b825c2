package platform

import (
	"runtime"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

const (
	// keptThreads is the number of threads that the platform starts in advance where its
	// control group bounds tasks. With 32, a group of 60 tasks was seen to end the
	// platform.
	keptThreads = 48

	// fewTasks is the bound from which the platform's own threads are not in doubt.
	fewTasks = 4096
)

// keepThreads starts the threads that the platform may need, before sandboxes use up
// the tasks that its control group allows. The Go runtime keeps a thread for later
// use, and ends the process where it cannot start one. Where the group allows too
// few, concurrency is how many invocations those that there are carry; else it is 0.
func keepThreads() (concurrency int) {
	left, limited := cgroup.TasksLeft()
	if !limited || left > fewTasks {
		return 0
	}
	n := int(min(keptThreads, left/2))
	var ready, all sync.WaitGroup
	release := make(chan struct{})
	ready.Add(n)
	for range n {
		all.Go(func() {
			runtime.LockOSThread() // so that each has a thread of its own
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	all.Wait()
	if n == keptThreads {
		return 0
	}
	return max(1, n/2) // one may wait for a sandbox in the kernel while another reads files for it
}
