package dispatch

import (
	"container/list"
	"context"
	"fmt"
	"time"
)

// waiter is an invocation that waits for its turn.
type waiter struct {
	granted chan struct{} // closed when it may run, or err is set
	err     error
	place   *list.Element // in its function's queue
}

// wait adds an invocation to its function's queue. d.mu is held.
func (d *Dispatcher) wait(fn *function) *waiter {
	wt := &waiter{granted: make(chan struct{})}
	wt.place = fn.queue.PushBack(wt)
	d.waiting++
	if fn.turn == nil && !fn.capped {
		fn.turn = d.turns.PushBack(fn)
	}
	return wt
}

// await returns when the invocation may run, or gave up.
func (d *Dispatcher) await(ctx context.Context, fn *function, wt *waiter) error {
	timer := time.NewTimer(d.cfg.Wait)
	defer timer.Stop()
	select {
	case <-wt.granted:
		return wt.err
	case <-ctx.Done():
	case <-timer.C:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-wt.granted: // in the same moment: it may run after all
		return wt.err
	default:
	}
	d.unqueue(fn, wt)
	if err := ctx.Err(); err != nil {
		d.tidy(fn)
		return fmt.Errorf("wait for a turn of %s: %w", fn.arn, err)
	}
	return d.refuse(fn, true)
}

// unqueue takes a waiter out of its function's queue. d.mu is held.
func (d *Dispatcher) unqueue(fn *function, wt *waiter) {
	fn.queue.Remove(wt.place)
	d.waiting--
	if fn.turn != nil && fn.queue.Len() == 0 {
		d.turns.Remove(fn.turn)
		fn.turn = nil
	}
}

// next lets those run who may since a place of fn, or of no function, became
// free: first of fn's own queue if it has reserved concurrency, then of all
// others in turn. d.mu is held.
func (d *Dispatcher) next(fn *function) {
	for fn.capped && fn.queue.Len() > 0 && d.admit(fn) {
		d.grant(fn)
	}
	for e := d.turns.Front(); e != nil; e = d.turns.Front() {
		first := e.Value.(*function)
		if !d.admit(first) {
			return
		}
		d.turns.MoveToBack(e)
		d.grant(first)
	}
}

// grant lets the first of fn's queue run. d.mu is held.
func (d *Dispatcher) grant(fn *function) {
	wt := fn.queue.Front().Value.(*waiter)
	d.unqueue(fn, wt)
	close(wt.granted)
}

// Close refuses what waits and what comes, with ErrClosed. It does not wait for
// what runs.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, fn := range d.functions {
		for e := fn.queue.Front(); e != nil; e = fn.queue.Front() {
			e.Value.(*waiter).err = ErrClosed
			d.grant(fn)
		}
		d.tidy(fn)
	}
}
