package worker

import (
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// state is what an instance does; each has a list or a counter of its own.
type state uint8

const (
	starting state = iota // holds a place, in Worker.serving
	serving               // in Worker.serving
	idle                  // in Worker.idle and in its function's list
	paused                // in Worker.paused and in its function's list: idle for longer than PauseAfter
	stem                  // a stem cell, in its language's list
	closing               // out of all lists; its sandbox is being closed
)

// instance is a place, and the sandbox in it once that was started.
type instance struct {
	sb    isolation.Sandbox // nil while starting
	lang  *language
	fn    *function // nil for a stem cell; an instance refers to its function
	state state
	place links[instance] // in the list of its state
	peer  links[instance] // in fn.idle

	bytes     int64 // memory at the last sample; 0 before the first
	charged   int64 // its share of Worker.idleBytes
	sampled   int64 // when, on the worker's clock; 0 before the first
	idleSince int64 // when it became idle, on the worker's clock

	resampled bool // sampled a second time since idleSince

	postponed *time.Timer // set while the replacement of a stem cell waits for the cell's call

	pause *pause // set once it was paused or is being paused
}

// newInstance occupies a place; there must be room. w.mu is held.
func (w *Worker) newInstance(lang *language, fn *function) *instance {
	inst := &instance{lang: lang, fn: fn, state: starting}
	if fn != nil {
		fn.refs++
	}
	w.open++
	w.serving.pushBack(&inst.place, inst)
	return inst
}

// register puts a started sandbox into its place. Where the worker was closed in
// the meantime, register closes the sandbox and returns ErrClosed.
func (w *Worker) register(inst *instance, sb isolation.Sandbox) error {
	w.mu.Lock()
	if !w.closed {
		inst.sb, inst.state = sb, serving
		w.mu.Unlock()
		return nil
	}
	w.mu.Unlock()
	w.report("close a sandbox", sb.Close())
	return ErrClosed
}

// leave takes the instance out of the list of its state. w.mu is held.
func (w *Worker) leave(inst *instance) {
	switch inst.state {
	case starting, serving:
		w.serving.remove(&inst.place)
	case idle, paused:
		if inst.state == idle {
			w.idle.remove(&inst.place)
		} else {
			w.paused.remove(&inst.place)
		}
		inst.fn.idle.remove(&inst.peer)
		w.idleBytes -= inst.charged
		inst.charged = 0
	case stem:
		inst.lang.stems.remove(&inst.place)
	}
}

// retire frees the place and has the sandbox closed; a second call does nothing.
// w.mu is held, and the caller calls grant as its last step under the lock.
func (w *Worker) retire(inst *instance) {
	if inst.state == closing {
		return
	}
	w.leave(inst)
	inst.state = closing
	w.open--
	if inst.fn != nil {
		w.unref(inst.fn)
	}
	if inst.sb != nil {
		w.closing++
		w.closeLater(w.closerOf(inst), true)
	}
}
