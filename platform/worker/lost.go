package worker

import (
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

const (
	// askAfter is for how long a sandbox that served is not asked whether it is
	// stopped: to read the state of a process takes 10 to 30 µs, a good part of what a hot
	// invocation takes.
	askAfter = time.Second

	// askEvery is how often the janitor asks all idle sandboxes, which takes the same
	// time for each.
	askEvery = 4 * time.Second
)

// errStopped is the end of a sandbox that would keep the event of its next call until
// the function's time-out.
var errStopped = errors.New("its process was stopped")

// lost says why a sandbox without a call cannot take one: it ended meanwhile, or somebody
// stopped it. The caller has the sandbox to itself.
func (w *Worker) lost(inst *instance) error {
	err := ended(inst.sb)
	if err == nil && w.clock()-inst.idleSince >= int64(askAfter) {
		err = stopped(inst.sb)
	}
	if err != nil {
		return fmt.Errorf("while it was idle: %w", err)
	}
	return nil
}

// ended is the cause of a sandbox's end, nil while there is none.
func ended(sb isolation.Sandbox) error {
	if e, ok := sb.(isolation.Ender); ok {
		select {
		case <-e.Done():
			return e.Cause()
		default:
		}
	}
	return nil
}

func stopped(sb isolation.Sandbox) error {
	if s, ok := sb.(isolation.Stoppable); ok && s.Stopped() {
		return errStopped
	}
	return nil
}

// eachWithoutCall calls f for all sandboxes without a call. w.mu is held.
func (w *Worker) eachWithoutCall(f func(*instance)) {
	w.idle.each(f)
	w.paused.each(f)
	for _, lang := range w.languages {
		lang.stems.each(f)
	}
}

// closeEnded closes sandboxes without a call that have ended by themselves, so that
// their last output is logged now and not with the next invocation.
func (w *Worker) closeEnded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var dead []*instance
	w.eachWithoutCall(func(inst *instance) {
		if ended(inst.sb) != nil {
			dead = append(dead, inst)
		}
	})
	w.discardAll(dead)
}

// closeStopped closes sandboxes without a call that somebody stopped. The processes
// are looked at without the lock.
func (w *Worker) closeStopped() {
	var asked, dead []*instance
	w.mu.Lock()
	before := w.clock() - int64(askAfter)
	w.eachWithoutCall(func(inst *instance) {
		if _, ok := inst.sb.(isolation.Stoppable); ok && inst.idleSince <= before {
			asked = append(asked, inst)
		}
	})
	w.mu.Unlock()
	for _, inst := range asked {
		if stopped(inst.sb) != nil {
			dead = append(dead, inst)
		}
	}
	if len(dead) == 0 {
		return
	}
	w.report(fmt.Sprintf("keep %d idle sandboxes", len(dead)), errStopped)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.discardAll(dead)
}

// discardAll closes those of the sandboxes that no call has acquired. w.mu is held.
func (w *Worker) discardAll(all []*instance) {
	for _, inst := range all {
		if inst.state == idle || inst.state == paused || inst.state == stem {
			w.discarded++
			w.retire(inst)
		}
	}
	w.grant()
}
