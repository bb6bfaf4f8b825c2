package worker

import (
	"context"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// pause is the freezing of one idle sandbox.
type pause struct {
	done chan struct{} // closed when Pause returned
	err  error         // what it returned
}

// pauseIdle moves sandboxes that were idle for longer than PauseAfter to
// Worker.paused, and pauses them where the backend can.
func (w *Worker) pauseIdle() {
	for w.cfg.PauseAfter > 0 && w.life.Err() == nil {
		inst, p := w.nextToPause()
		if inst == nil {
			return
		}
		if p == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout)
		p.err = inst.sb.(isolation.Pauser).Pause(ctx)
		cancel()
		failed := p.err != nil && w.life.Err() == nil
		close(p.done)
		if !failed {
			continue
		}
		w.report("pause an idle sandbox", p.err)
		w.mu.Lock()
		if inst.state == paused && inst.pause == p {
			w.discarded++
			w.retire(inst)
			w.grant()
		}
		w.mu.Unlock()
	}
}

// nextToPause moves the sandbox that was idle longest to Worker.paused. An invocation
// that acquires the sandbox from now on waits until Pause has returned (wake).
func (w *Worker) nextToPause() (*instance, *pause) {
	w.mu.Lock()
	defer w.mu.Unlock()
	inst := w.idle.last()
	if inst == nil || inst.idleSince > w.clock()-int64(w.cfg.PauseAfter) {
		return nil, nil
	}
	w.idle.remove(&inst.place)
	inst.state = paused
	w.paused.pushFront(&inst.place, inst)
	if _, ok := inst.sb.(isolation.Pauser); ok {
		inst.pause = &pause{done: make(chan struct{})}
	}
	return inst, inst.pause
}

// wake makes an acquired sandbox ready for an invocation: it waits for a pause under
// way and resumes the sandbox.
func (w *Worker) wake(inst *instance) error {
	if err := w.lost(inst); err != nil {
		return err
	}
	p := inst.pause
	if p == nil {
		return nil
	}
	inst.pause = nil
	<-p.done
	if p.err != nil {
		return p.err
	}
	ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout)
	defer cancel()
	return inst.sb.(isolation.Pauser).Resume(ctx)
}
