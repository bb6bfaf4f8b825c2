package platform

import (
	"runtime"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

const (
	// keptThreads is how many threads the platform makes sure of where its control
	// group bounds tasks; with 32 a group of 60 tasks was seen to end it.
	keptThreads = 48

	// fewTasks is a bound that leaves no doubt about the platform's own threads.
	fewTasks = 4096
)

// keepThreads starts the threads that the platform may need before sandboxes take
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
