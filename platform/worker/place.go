package worker

import (
	"context"
	"fmt"
	"time"
)

// maxPassed is how often the invocation that waits longest is passed over in favour
// of younger ones of a function whose sandbox has just become free. Handing that
// sandbox on costs nothing and evicting it costs a boot, but no function may wait
// for ever behind a busy one.
const maxPassed = 16

// waiter is an invocation that waits for a place.
type waiter struct {
	fn      *function
	lang    *language
	turn    links[waiter] // in Worker.waiting, by arrival
	link    links[waiter] // in fn.waiters, by arrival
	granted chan struct{} // closed when inst or err is set
	inst    *instance     // a place, or an idle sandbox of fn
	err     error
	passed  int
}

// room reports whether there is a place for one more sandbox. When all places are
// occupied, room closes the sandbox that was idle longest, or a stem cell. w.mu is
// held.
//
// A sandbox that is being closed occupies no place, but there are never more than
// Config.Sandboxes + Config.Closing in all: an invocation waits where sandboxes are
// evicted faster than the host closes them.
func (w *Worker) room() bool {
	if w.closing >= w.cfg.Closing {
		return false
	}
	if w.open < w.cfg.Sandboxes {
		return true
	}
	return w.evictOne()
}

// evictOne closes the sandbox that was idle longest, or a stem cell. It reports
// whether there was one. w.mu is held.
func (w *Worker) evictOne() bool {
	if victim := w.oldest(); victim != nil {
		w.idleEvictions++
		w.retire(victim)
		return true
	}
	for _, lang := range w.languages {
		if cell := lang.stems.last(); cell != nil {
			w.retire(cell)
			return true
		}
	}
	return false
}

// oldest is the sandbox that was idle longest, nil when none is idle.
func (w *Worker) oldest() *instance {
	if inst := w.paused.last(); inst != nil {
		return inst
	}
	return w.idle.last()
}

// grant gives free places to waiting invocations, in order of arrival, and the rest
// to stem cells. It is called after every change that may have freed a place. w.mu
// is held.
func (w *Worker) grant() {
	for wt := w.waiting.first(); wt != nil && w.room(); wt = w.waiting.first() {
		w.answer(wt, w.newInstance(wt.lang, wt.fn), nil)
	}
	w.refill()
}

// answer ends a wait. w.mu is held.
func (w *Worker) answer(wt *waiter, inst *instance, err error) {
	w.waiting.remove(&wt.turn)
	wt.fn.waiters.remove(&wt.link)
	wt.inst, wt.err = inst, err
	close(wt.granted)
}

// handOver gives a sandbox whose invocation ended to the next invocation of
// the same function that waits for a place. It reports whether there was one.
// w.mu is held.
func (w *Worker) handOver(inst *instance) bool {
	if inst.fn.waiters == nil {
		return false
	}
	wt := inst.fn.waiters.first()
	if wt == nil {
		return false
	}
	if oldest := w.waiting.first(); oldest != wt {
		if oldest.passed >= maxPassed {
			return false
		}
		oldest.passed++
	}
	w.answer(wt, inst, nil)
	return true
}

// enqueue adds an invocation to those that wait. w.mu is held.
func (w *Worker) enqueue(lang *language, fn *function) *waiter {
	wt := &waiter{fn: fn, lang: lang, granted: make(chan struct{})}
	if fn.waiters == nil {
		fn.waiters = new(list[waiter])
	}
	fn.waiters.pushBack(&wt.link, wt)
	w.waiting.pushBack(&wt.turn, wt)
	return wt
}

// await returns when the wait was answered, or given up by ctx or PlaceWait.
func (w *Worker) await(ctx context.Context, wt *waiter) error {
	timer := time.NewTimer(w.cfg.PlaceWait)
	defer timer.Stop()
	var err error
	select {
	case <-wt.granted:
		return wt.err
	case <-ctx.Done():
		err = fmt.Errorf("wait for a sandbox: %w", ctx.Err())
	case <-timer.C:
		err = fmt.Errorf("%w: waited %v, all %d are busy", ErrNoPlace, w.cfg.PlaceWait, w.cfg.Sandboxes)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-wt.granted: // in the same moment: give it back
		if wt.inst != nil {
			w.giveBack(wt.inst)
		}
	default:
		w.waiting.remove(&wt.turn)
		wt.fn.waiters.remove(&wt.link)
	}
	return err
}

// giveBack returns a place or a sandbox whose invocation no longer waits for it.
func (w *Worker) giveBack(inst *instance) {
	if inst.state == serving {
		w.keepIdle(inst)
	} else {
		w.retire(inst)
	}
	w.grant()
}
