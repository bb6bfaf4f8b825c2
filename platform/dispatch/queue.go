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
	d.lookAgain()
	return wt
}

// await returns when the invocation may run, or with an error when it waits no longer.
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
	case <-wt.granted: // granted at the same moment: the invocation runs
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

// next lets waiting invocations run after a place became free: first those of fn's own
// queue if fn has reserved concurrency, then those of all other functions in turn.
// d.mu is held.
func (d *Dispatcher) next(fn *function) {
	for fn.capped && fn.queue.Len() > 0 && d.admit(fn) {
		d.grant(fn)
	}
	d.takeTurns()
}

// takeTurns lets functions without a reservation run in turn, one invocation
// each, until none of them may. d.mu is held.
func (d *Dispatcher) takeTurns() {
	for e := d.turns.Front(); e != nil && d.anyMay(); {
		fn, following := e.Value.(*function), e.Next()
		if d.admit(fn) {
			d.turns.MoveToBack(e)
			d.grant(fn)
			if following == nil {
				following = d.turns.Front() // the next round
			}
		}
		e = following
	}
	d.lookAgain()
}

// anyMay reports whether there is room for an invocation of any function. d.mu
// is held.
func (d *Dispatcher) anyMay() bool {
	return d.hasPlace() && (d.pressure.share(d.active) > 0 || d.pressure.room(time.Now()) > 0)
}

// lookAgain samples the host's load while functions wait for room: the load may fall
// although no invocation ends. d.mu is held.
func (d *Dispatcher) lookAgain() {
	if d.again != nil || d.turns.Len() == 0 || !d.hasPlace() || d.closed {
		return
	}
	d.again = time.AfterFunc(sampleEvery, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.again = nil
		d.takeTurns()
	})
}

// grant lets the first of fn's queue run. d.mu is held.
func (d *Dispatcher) grant(fn *function) {
	wt := fn.queue.Front().Value.(*waiter)
	d.unqueue(fn, wt)
	close(wt.granted)
}

// Close refuses waiting and further invocations with ErrClosed. It does not wait for
// running ones.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.again != nil {
		d.again.Stop()
	}
	for _, fn := range d.functions {
		for e := fn.queue.Front(); e != nil; e = fn.queue.Front() {
			e.Value.(*waiter).err = ErrClosed
			d.grant(fn)
		}
		d.tidy(fn)
	}
}
