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

// A crowd is more calls at a time than there are processors, and short ones.
// What every reply wakes then is a thread of the platform, which takes the
// processor from the sandbox that has just replied and is about to sleep. While
// there is a crowd, the platform's threads are SCHED_BATCH (sched(7)): one that
// wakes waits until a processor is free or a time slice ends. Between calls
// that are long that would only add to the wait.
const (
	crowdLook  = 100 * time.Millisecond
	crowdCalls = 25 // a processor in that time
	crowdCalm  = 5  // looks that find none, and it is over
)

// watchCrowd is a goroutine of the worker.
func (w *Worker) watchCrowd() {
	defer w.owned.Done()
	tick := time.NewTicker(crowdLook)
	defer tick.Stop()
	set := func(from, to uint32) bool {
		err := setPolicy(from, to)
		w.report("schedule the platform's threads", err)
		return err == nil
	}
	for last, calm := uint64(0), crowdCalm; ; {
		select {
		case <-w.life.Done():
			if calm < crowdCalm {
				set(unix.SCHED_BATCH, unix.SCHED_NORMAL)
			}
			return
		case <-tick.C:
		}
		calls, crowd := w.crowded(last)
		last = calls
		switch {
		case crowd:
			calm = 0
			if !set(unix.SCHED_NORMAL, unix.SCHED_BATCH) { // again each time, for threads that are new
				return
			}
		case calm < crowdCalm:
			if calm++; calm == crowdCalm && !set(unix.SCHED_BATCH, unix.SCHED_NORMAL) {
				return
			}
		}
	}
}

// crowded counts the calls that ended, and says whether they are a crowd, if
// last is what it returned before.
func (w *Worker) crowded(last uint64) (calls uint64, crowd bool) {
	procs := runtime.GOMAXPROCS(0)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.invocations {
		calls += n
	}
	return calls, w.inflight > procs && calls-last >= uint64(crowdCalls*procs)
}

// setPolicy gives all threads of this process that have one policy another. A
// process that they start has theirs, and keeps it; so has a thread, which is why
// it looks again until there is none.
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
