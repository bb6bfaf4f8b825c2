package worker

import (
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// takeIdle takes the sandbox of fn that was used last, nil when none is idle.
// w.mu is held.
func (w *Worker) takeIdle(fn *function) *instance {
	inst := fn.idle.first()
	if inst == nil {
		return nil
	}
	w.leave(inst)
	inst.state, inst.resampled = serving, false
	w.serving.pushBack(&inst.place, inst)
	return inst
}

// park keeps a sandbox for the next invocation of its function, or gives it to
// one that waits. w.mu is held.
func (w *Worker) park(inst *instance) {
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

// charge counts the memory of an idle sandbox. One that was not sampled yet is
// taken for the average of its runtime. w.mu is held.
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
	for w.idle.n+w.resting.n > w.cfg.Idle.Count || w.idleBytes > int64(w.cfg.Idle.Bytes) {
		victim := w.oldest()
		if victim == nil {
			return
		}
		w.idleEvictions++
		w.retire(victim)
	}
}

// keepHouse closes what was idle for too long, pauses what is to be paused and
// starts the stem cells that could not be started before, until the worker is
// closed.
func (w *Worker) keepHouse() {
	defer w.owned.Done()
	tick := time.NewTicker(w.housePeriod())
	defer tick.Stop()
	for {
		select {
		case <-w.life.Done():
			return
		case <-tick.C:
			w.bury()
			w.expire()
			w.resample(w.clock() - int64(resampleIdle))
			w.pauseIdle()
		}
	}
}

// housePeriod is a fraction of the shortest time that keepHouse measures.
func (w *Worker) housePeriod() time.Duration {
	period := min(w.cfg.KeepAlive/8, 5*time.Second)
	if w.cfg.PauseAfter > 0 {
		period = min(period, w.cfg.PauseAfter/2)
	}
	return max(period, 5*time.Millisecond)
}

// bury closes the idle sandboxes that have ended by themselves, so that what they
// printed at their end is told now and not with the next invocation.
func (w *Worker) bury() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var dead []*instance
	for _, l := range []*list[instance]{&w.idle, &w.resting} {
		l.each(func(inst *instance) {
			if e, ok := inst.sb.(isolation.Ender); ok {
				select {
				case <-e.Done():
					dead = append(dead, inst)
				default:
				}
			}
		})
	}
	for _, inst := range dead {
		w.discarded++
		w.retire(inst)
	}
	w.grant()
}

// expire closes the sandboxes that were idle for longer than KeepAlive.
func (w *Worker) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	limit := w.clock() - int64(w.cfg.KeepAlive)
	for inst := w.oldest(); inst != nil && inst.parked <= limit; inst = w.oldest() {
		w.idleExpired++
		w.retire(inst)
	}
	w.grant()
}
