package dispatch

import "fmt"

// unreservedShare is the part of all places that functions cannot reserve: AWS
// Lambda keeps 100 of 1000.
const unreservedShare = 10

// Reserve sets a function's reserved concurrency: it may run n invocations at
// a time, and those places are kept for it. 0 lets none run. The error wraps
// ErrReserve when too few places would be left for the others.
//
// Invocations that run at that moment run on. Until they have ended, up to n more
// invocations than Config.Concurrency may run.
func (d *Dispatcher) Reserve(arn string, n int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn := d.functions[arn]
	others := d.reserved
	if fn != nil && fn.capped {
		others -= fn.limit
	}
	least := max(1, d.cfg.Concurrency/unreservedShare)
	if n < 0 || others+n > d.cfg.Concurrency-least {
		return fmt.Errorf("reserve %d for %s: %w: %d of %d are reserved, and %d must be left",
			n, arn, ErrReserve, others, d.cfg.Concurrency, least)
	}
	if fn == nil {
		fn = &function{arn: arn}
		d.functions[arn] = fn
	}
	if fn.turn != nil {
		d.turns.Remove(fn.turn)
		fn.turn = nil
	}
	d.reserved = others + n
	d.change(fn, func() { fn.capped, fn.limit = true, n })
	if n == 0 {
		d.refuseAll(fn)
	}
	d.next(fn)
	return nil
}

// refuseAll refuses all waiting invocations of a function whose limit is 0. d.mu is
// held.
func (d *Dispatcher) refuseAll(fn *function) {
	for e := fn.queue.Front(); e != nil; e = fn.queue.Front() {
		e.Value.(*waiter).err = d.refuse(fn, true)
		d.grant(fn)
	}
}

// Unreserve removes a function's reservation.
func (d *Dispatcher) Unreserve(arn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn := d.functions[arn]
	if fn == nil || !fn.capped {
		return
	}
	d.reserved -= fn.limit
	d.change(fn, func() { fn.capped, fn.limit = false, 0 })
	if fn.queue.Len() > 0 {
		fn.turn = d.turns.PushBack(fn)
	}
	d.next(fn)
	d.tidy(fn)
}

// Reserved returns a function's reserved concurrency; ok is false when it has
// none.
func (d *Dispatcher) Reserved(arn string) (n int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if fn := d.functions[arn]; fn != nil && fn.capped {
		return fn.limit, true
	}
	return 0, false
}
