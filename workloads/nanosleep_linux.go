package workloads

import (
	"syscall"
	"time"
)

// nanosleep waits in the kernel (nanosleep(2)), or until a signal comes.
func nanosleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil)
}
