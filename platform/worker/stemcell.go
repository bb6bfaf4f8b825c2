package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Pauses before a stem cell is tried again that could not be started.
const (
	minStemRetry = 100 * time.Millisecond
	maxStemRetry = 30 * time.Second
)

// acquireStem gives a stem cell to a function; nil when none is ready. w.mu is held.
func (w *Worker) acquireStem(lang *language, fn *function) *instance {
	inst := lang.stems.first()
	if inst == nil {
		return nil
	}
	w.leave(inst)
	fn.refs++
	inst.fn, inst.state = fn, serving
	w.serving.pushBack(&inst.place, inst)
	w.postpone(inst)
	return inst
}

// refillDelay bounds how long a stem cell's call delays the start of the next cell.
const refillDelay = 50 * time.Millisecond

// postpone has the replacement of a stem cell wait until the cell's call has ended, for
// refillDelay at most: a boot and its preparation keep two processors busy for a hundred
// times as long as a short call, which would wait for a processor. w.mu is held.
func (w *Worker) postpone(inst *instance) {
	inst.lang.postponed++
	inst.postponed = time.AfterFunc(w.refillDelay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.allowReplacement(inst)
		w.refill()
	})
}

// allowReplacement lets refill replace a stem cell that a call has taken. Its caller calls
// refill or grant. w.mu is held.
func (w *Worker) allowReplacement(inst *instance) {
	if inst.postponed == nil {
		return
	}
	inst.postponed.Stop()
	inst.postponed = nil
	inst.lang.postponed--
}

// refill starts missing stem cells, at most Config.Starters at a time. It evicts
// nothing and leaves free places to waiting invocations. w.mu is held.
func (w *Worker) refill() {
	if w.cfg.StemCells == 0 || w.draining {
		return
	}
	for _, lang := range w.languages {
		for w.starters < w.cfg.Starters && w.lacksStem(lang) {
			w.starters++
			lang.starting++
			inst := w.newInstance(lang, nil)
			w.goroutines.Add(1)
			go w.startStem(inst)
		}
	}
}

func (w *Worker) lacksStem(lang *language) bool {
	return lang.stems.n+lang.starting+lang.postponed < w.cfg.StemCells && w.waiting.n == 0 &&
		w.open < w.cfg.Sandboxes && w.closing < w.cfg.Closing &&
		(lang.failures == 0 || w.clock() >= lang.retryAt)
}

func (w *Worker) startStem(inst *instance) {
	defer w.goroutines.Done()
	lang := inst.lang
	sb, err := w.bootStem(lang)
	if err == nil {
		err = w.register(inst, sb)
	}
	w.report("start a stem cell", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starters--
	lang.starting--
	lang.stemErr = err
	if err != nil {
		lang.retryAt = w.clock() + int64(min(minStemRetry<<min(lang.failures, 16), maxStemRetry))
		lang.failures++
		w.retire(inst)
	} else if inst.state != closing { // else Close came first
		lang.failures = 0
		w.leave(inst)
		inst.state = stem
		lang.stems.pushFront(&inst.place, inst)
	}
	w.signal()
	w.grant()
}

// bootStem starts a sandbox without a function, from the runtime snapshot where
// there is one.
func (w *Worker) bootStem(lang *language) (isolation.Sandbox, error) {
	ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout)
	defer cancel()
	if !w.usesBase() {
		sb, err := w.backend.Boot(ctx, isolation.BootSpec{Interpreter: lang.Interpreter, Environment: w.cfg.Environment,
			Prepare: w.cfg.StemPrepare, Training: w.cfg.Training})
		if err != nil {
			return nil, fmt.Errorf("boot %s: %w", lang.Runtime, err)
		}
		return sb, nil
	}
	base, _, err := w.baseOf(lang)
	if err != nil {
		return nil, err
	}
	sb, err := w.snapshotter.Deploy(ctx, base, isolation.DeploySpec{})
	if err != nil {
		return nil, fmt.Errorf("deploy %s: %w", lang.Runtime, err)
	}
	return sb, nil
}
