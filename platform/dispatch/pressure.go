package dispatch

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"
)

// Bounds of admission under pressure, from trials on hosts at rest and at a load of 20
// for each processor: eight new functions for each processor end within seconds on
// the loaded host, and leave no processor idle on the host at rest.
const (
	runnablePerProcessor = 8
	sampleEvery          = 10 * time.Millisecond
	stalledAfter         = 250 * time.Millisecond
)

// pressure bounds the running invocations by the load of the host. A function's
// time-out counts from its start, so an invocation that shares the processors with a
// thousand others times out, and an invocation that waits for its turn does not.
//
// Up to base invocations run whatever the host does, in fair shares (share). Beyond
// the shares, invocations run as long as the host's tasks that are ready to run are
// fewer than most. Invocations that sleep are not among these tasks, so as many of
// them run as Config.Concurrency allows. Where nothing begins or ends for
// stalledAfter, one more may run, since those that run may wait for it.
//
// Its fields are guarded by Dispatcher.mu.
type pressure struct {
	base     int
	most     int
	runnable func() (int, bool) // tasks of the host that run or are ready to; false: unknown

	budget  int       // invocations beyond the shares that may begin before the next sample
	sampled time.Time // when runnable was called
	moved   time.Time // when an invocation began or ended
}

func newPressure(perProcessor int) pressure {
	return pressure{
		base: perProcessor * runtime.GOMAXPROCS(0), most: perProcessor * runtime.NumCPU(),
		runnable: func() (int, bool) { return runnable("/proc/loadavg") },
	}
}

// share is how many invocations a function may run at least, where active functions
// run: base is divided by these functions and one more.
func (p *pressure) share(active int) int { return p.base / (1 + active) }

// room is how many invocations may begin beyond the shares.
func (p *pressure) room(now time.Time) int {
	if now.Sub(p.sampled) < sampleEvery {
		return p.budget
	}
	p.sampled = now
	ready, known := p.runnable()
	switch {
	case !known:
		p.budget = math.MaxInt
	case ready < p.most:
		p.budget = p.most - ready
	case now.Sub(p.moved) >= stalledAfter:
		p.budget = 1
	default:
		p.budget = 0
	}
	return p.budget
}

// runnable reads the fourth field of loadavg (proc(5)): "3/121" are three tasks
// that run or are ready to, one of which reads the file, of 121.
func runnable(path string) (int, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(text)
	if len(fields) < 4 {
		return 0, false
	}
	ready, _, _ := bytes.Cut(fields[3], []byte("/"))
	n, err := strconv.Atoi(string(ready))
	return max(0, n-1), err == nil
}
