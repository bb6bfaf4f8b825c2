package worker

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The processors are oversubscribed while more calls than processors are under way
// and the calls are short. Each reply then wakes a thread of the platform, which
// takes the processor from the sandbox that has just replied and is about to sleep.
// During oversubscription the platform's threads are SCHED_BATCH (sched(7)): a
// thread that wakes waits until a processor is free or a time slice ends. Where
// calls are long, SCHED_BATCH would only lengthen the wait.
const (
	oversubscriptionPeriod = 100 * time.Millisecond
	oversubscriptionCalls  = 25 // calls that end in a period, for each processor: from there on they are short
	oversubscriptionCalm   = 5  // periods without oversubscription after which it is over
)

// watchOversubscription is a goroutine of the worker: it sets the scheduling policy
// of the platform's threads.
func (w *Worker) watchOversubscription() {
	defer w.goroutines.Done()
	tick := time.NewTicker(oversubscriptionPeriod)
	defer tick.Stop()
	set := func(from, to uint32) bool {
		err := setPolicy(from, to)
		w.report("schedule the platform's threads", err)
		return err == nil
	}
	for last, calm := uint64(0), oversubscriptionCalm; ; {
		select {
		case <-w.life.Done():
			if calm < oversubscriptionCalm {
				set(unix.SCHED_BATCH, unix.SCHED_NORMAL)
			}
			return
		case <-tick.C:
		}
		calls, over := w.oversubscribed(last)
		last = calls
		switch {
		case over:
			calm = 0
			if !set(unix.SCHED_NORMAL, unix.SCHED_BATCH) { // in each period, for new threads
				return
			}
		case calm < oversubscriptionCalm:
			if calm++; calm == oversubscriptionCalm && !set(unix.SCHED_BATCH, unix.SCHED_NORMAL) {
				return
			}
		}
	}
}

// oversubscribed returns the number of calls that have ended, and whether the
// processors were oversubscribed since that number was last.
func (w *Worker) oversubscribed(last uint64) (calls uint64, over bool) {
	procs := runtime.GOMAXPROCS(0)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.invocations {
		calls += n
	}
	return calls, w.inflight > procs && calls-last >= uint64(oversubscriptionCalls*procs)
}

// setPolicy changes the policy of all threads of this process from one to another.
// A new thread inherits the policy of the thread that starts it, so setPolicy
// repeats until no thread has the old one. A child process inherits it too.
func setPolicy(from, to uint32) error {
	for {
		n, err := setPolicyOnce(from, to)
		if n == 0 || err != nil {
			return err
		}
	}
}

// setPolicyOnce returns how many threads it changed.
func setPolicyOnce(from, to uint32) (n int, err error) {
	const dir = "/proc/self/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return n, fmt.Errorf("%s: %w", dir, err)
		}
		a, err := unix.SchedGetAttr(tid, 0)
		if err == nil && a.Policy == from {
			n++
			a.Policy = to
			err = unix.SchedSetAttr(tid, a, 0)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return n, fmt.Errorf("thread %d: %w", tid, err)
		}
	}
	return n, nil
}
