package workloads

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestASignalMakesNoCallEarly has signals strike the very thread that waits, as
// SIGCHLD does when a sandbox ends.
func TestASignalMakesNoCallEarly(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, stop := unix.Gettid(), make(chan struct{})
	var striking sync.WaitGroup
	striking.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
				unix.Tgkill(unix.Getpid(), thread, unix.SIGCHLD)
			}
		}
	})
	defer striking.Wait()
	defer close(stop)
	for range 100 {
		due := time.Now().Add(fine / 2)
		if !sleepUntil(context.Background(), due) {
			t.Fatal("the wait was given up")
		}
		if early := time.Until(due); early > 0 {
			t.Fatalf("%v before its time", early)
		}
	}
}
