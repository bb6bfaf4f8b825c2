package worker

import "time"

// Sampling takes at most a twentieth of one processor: reading PSS of a Node.js
// process takes milliseconds.
const (
	sampleEvery  = 10 * time.Second // at most, for one sandbox
	resampleIdle = 15 * time.Second // some backends make an idle sandbox smaller after a while
	sampleQueue  = 1024
	sampleShare  = 20
	averageShare = 8 // weight of a new sample in a runtime's average: 1/8
)

// sampleLater has the memory of a sandbox read in the background when the last
// sample is old. Where the queue is full, the sandbox's next invocation tries
// again. w.mu is held.
func (w *Worker) sampleLater(inst *instance) {
	if inst.state == closing || inst.sampled != 0 && inst.idleSince-inst.sampled < int64(sampleEvery) {
		return
	}
	select {
	case w.samples <- inst:
		inst.sampled = inst.idleSince
	default:
	}
}

// resample has the memory of sandboxes read once more that have been idle since
// before a moment on the worker's clock.
func (w *Worker) resample(before int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle.each(func(inst *instance) {
		if inst.resampled || inst.idleSince > before || len(w.samples) == cap(w.samples) {
			return
		}
		inst.resampled = true
		w.samples <- inst
	})
}

func (w *Worker) sampleAll() {
	defer w.goroutines.Done()
	for {
		select {
		case <-w.life.Done():
			return
		case inst := <-w.samples:
			begin := time.Now()
			w.sample(inst)
			select {
			case <-w.life.Done():
				return
			case <-time.After((sampleShare - 1) * time.Since(begin)):
			}
		}
	}
}

// sample reads the memory of an instance. The sandbox may be closed by now; Usage
// fails then.
func (w *Worker) sample(inst *instance) {
	u, err := inst.sb.Usage()
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.metered(inst, u.MemoryBytes)
	w.grant()
}

// metered notes an instance's memory. w.mu is held.
func (w *Worker) metered(inst *instance, n int64) {
	inst.bytes = n
	if avg := &inst.lang.average; inst.resampled {
		// The average is of those that were just used.
	} else if *avg == 0 {
		*avg = n
	} else {
		*avg += (n - *avg) / averageShare
	}
	if inst.state == idle || inst.state == paused {
		w.charge(inst)
		w.shrinkIdle()
	}
}
