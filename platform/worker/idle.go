package worker

import (
	"time"
)

// acquireIdle is the idle sandbox of fn that was used last; nil when none is idle.
// w.mu is held.
func (w *Worker) acquireIdle(fn *function) *instance {
	inst := fn.idle.first()
	if inst == nil {
		return nil
	}
	w.leave(inst)
	inst.state, inst.resampled = serving, false
	w.serving.pushBack(&inst.place, inst)
	return inst
}

// keepIdle gives a sandbox to a waiting invocation of its function, or keeps the
// sandbox for the next one. w.mu is held.
func (w *Worker) keepIdle(inst *instance) {
	if w.cfg.Idle.Off || inst.fn.forgotten || w.closed {
		w.retire(inst)
		return
	}
	if w.handOver(inst) {
		return
	}
	w.leave(inst)
	inst.state, inst.pause = idle, nil
	w.idle.pushFront(&inst.place, inst)
	inst.fn.idle.pushFront(&inst.peer, inst)
	w.charge(inst)
	w.shrinkIdle()
}

// charge counts the memory of an idle sandbox. A sandbox that was not sampled yet
// counts as the average of its runtime. w.mu is held.
func (w *Worker) charge(inst *instance) {
	n := inst.bytes
	if n == 0 {
		n = inst.lang.average
	}
	w.idleBytes += n - inst.charged
	inst.charged = n
}

// shrinkIdle brings the idle sandboxes back into their bounds. w.mu is held.
func (w *Worker) shrinkIdle() {
	for w.idle.n+w.paused.n > w.cfg.Idle.Count || w.idleBytes > int64(w.cfg.Idle.Bytes) {
		victim := w.oldest()
		if victim == nil {
			return
		}
		w.idleEvictions++
		w.retire(victim)
	}
}

// janitor runs until the worker is closed. Periodically it closes sandboxes that
// have ended, were stopped, or were idle for longer than KeepAlive, pauses idle
// sandboxes, and starts missing stem cells.
func (w *Worker) janitor() {
	defer w.goroutines.Done()
	tick := time.NewTicker(w.janitorPeriod())
	defer tick.Stop()
	var asked int64 // when sandboxes were asked last whether they are stopped, on the worker's clock
	for {
		select {
		case <-w.life.Done():
			return
		case <-tick.C:
			w.closeEnded()
			if now := w.clock(); now-asked >= int64(askEvery) {
				asked = now
				w.closeStopped()
			}
			w.expire()
			w.resample(w.clock() - int64(resampleIdle))
			w.pauseIdle()
		}
	}
}

// janitorPeriod is a fraction of the shortest duration that janitor measures.
func (w *Worker) janitorPeriod() time.Duration {
	period := min(w.cfg.KeepAlive/8, 5*time.Second)
	if w.cfg.PauseAfter > 0 {
		period = min(period, w.cfg.PauseAfter/2)
	}
	return max(period, 5*time.Millisecond)
}

// expire closes the sandboxes that were idle for longer than KeepAlive.
func (w *Worker) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	limit := w.clock() - int64(w.cfg.KeepAlive)
	for inst := w.oldest(); inst != nil && inst.idleSince <= limit; inst = w.oldest() {
		w.idleExpired++
		w.retire(inst)
	}
	w.grant()
}
