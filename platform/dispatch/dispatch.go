// Package dispatch decides when an invocation may run: it bounds how many run
// at a time, in all and of each function, and lets the others wait in one
// queue per function. Functions that have invocations waiting take turns, so
// that a burst of one does not starve the others. On a host whose processors are
// taken, fewer run at a time (see pressure): the time in the queue is no part of
// a function's time.
//
//	d, err := dispatch.New(dispatch.Config{Concurrency: 64}, worker)
//	res, err := d.Invoke(ctx, req)
//	if errors.Is(err, dispatch.ErrThrottled) { … } // 429
//
// The package knows no sandbox: which path an invocation takes is the worker's
// business. It keeps nothing of a function that neither runs nor waits nor has
// reserved concurrency.
package dispatch

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
)

// Invoker runs invocations; a *worker.Worker is one.
type Invoker interface {
	Invoke(ctx context.Context, req worker.Request) (worker.Response, error)
}

// Dispatcher bounds the invocations that an Invoker gets. Its one lock is never
// held while an invocation runs or waits.
type Dispatcher struct {
	cfg     Config
	invoker Invoker

	mu        sync.Mutex
	closed    bool
	functions map[string]*function
	running   int
	waiting   int
	reserved  int // places that functions have reserved
	shared    int // invocations that run in places that no function has reserved
	active    int // functions that run
	throttled uint64
	turns     list.List // functions without a reservation that have invocations waiting
	pressure  pressure
	again     *time.Timer // looks for room while functions wait for want of it; nil: none wait
}

// function is what the dispatcher knows of one function.
type function struct {
	arn     string
	running int
	capped  bool // it has reserved concurrency: limit
	limit   int
	queue   list.List     // *waiter, by arrival
	turn    *list.Element // its place in Dispatcher.turns
}

// shared is how many of its invocations run in places that it has not
// reserved. Of a function with reserved concurrency those are what was running
// when the reservation was made or lowered.
func (fn *function) shared() int {
	if fn.capped {
		return max(0, fn.running-fn.limit)
	}
	return fn.running
}

// New returns a dispatcher in front of invoker.
func New(cfg Config, invoker Invoker) (*Dispatcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("dispatcher: %w", err)
	}
	cfg = cfg.resolved()
	return &Dispatcher{cfg: cfg, invoker: invoker, functions: map[string]*function{},
		pressure: newPressure(cfg.Runnable)}, nil
}

// Invoke runs req when its turn has come. The time it waited is part of
// Stages.Queue. The error is a *Throttled when it may not run, and ctx's when
// that ended first. ctx's end does not take the place from an invocation that
// runs: how long it runs is the Invoker's business.
func (d *Dispatcher) Invoke(ctx context.Context, req worker.Request) (worker.Response, error) {
	fn, waited, err := d.enter(ctx, req.FunctionID())
	if err != nil {
		return worker.Response{Stages: worker.Stages{Queue: waited}}, err
	}
	defer d.leave(fn)
	res, err := d.invoker.Invoke(ctx, req)
	res.Stages.Queue += waited
	return res, err
}

// enter acquires a place for an invocation, at once or after a wait.
func (d *Dispatcher) enter(ctx context.Context, arn string) (*function, time.Duration, error) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil, 0, ErrClosed
	}
	fn := d.functions[arn]
	if fn == nil {
		fn = &function{arn: arn}
		d.functions[arn] = fn
	}
	if fn.queue.Len() == 0 && d.admit(fn) {
		d.mu.Unlock()
		return fn, 0, nil
	}
	if fn.queue.Len() >= d.cfg.Queue || fn.capped && fn.limit == 0 {
		defer d.mu.Unlock()
		return nil, 0, d.refuse(fn, false)
	}
	wt := d.wait(fn)
	d.mu.Unlock()
	begin := time.Now()
	err := d.await(ctx, fn, wt)
	return fn, time.Since(begin), err
}

// admit lets one invocation of fn run if it may. d.mu is held.
func (d *Dispatcher) admit(fn *function) bool {
	if fn.capped && fn.running >= fn.limit || !fn.capped && !d.hasPlace() {
		return false
	}
	if !fn.capped && fn.running >= d.pressure.share(d.active) {
		if d.pressure.room(time.Now()) <= 0 {
			return false
		}
		d.pressure.budget--
	}
	d.pressure.moved = time.Now()
	d.running++
	if fn.running == 0 {
		d.active++
	}
	d.change(fn, func() { fn.running++ })
	return true
}

// hasPlace reports whether a place that no function has reserved is free. d.mu
// is held.
func (d *Dispatcher) hasPlace() bool { return d.shared < d.cfg.Concurrency-d.reserved }

// change adjusts the count of shared places to a change of fn. d.mu is held.
func (d *Dispatcher) change(fn *function, what func()) {
	before := fn.shared()
	what()
	d.shared += fn.shared() - before
}

// leave ends an invocation and gives its place to the next.
func (d *Dispatcher) leave(fn *function) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	d.change(fn, func() { fn.running-- })
	if fn.running == 0 {
		d.active--
	}
	d.pressure.moved = time.Now()
	d.next(fn)
	d.tidy(fn)
}

// tidy drops a function that neither runs nor waits nor has a reservation. d.mu is
// held.
func (d *Dispatcher) tidy(fn *function) {
	if fn.running == 0 && fn.queue.Len() == 0 && !fn.capped {
		delete(d.functions, fn.arn)
	}
}

// refuse counts and describes a refusal. d.mu is held.
func (d *Dispatcher) refuse(fn *function, waited bool) error {
	d.throttled++
	d.tidy(fn)
	reason := ReasonTotal
	if fn.capped {
		reason = ReasonFunction
	}
	return &Throttled{Function: fn.arn, Reason: reason, Waited: waited}
}
