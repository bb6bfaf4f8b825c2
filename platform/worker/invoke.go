package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// maxAttempts bounds how often an invocation starts over because a cached sandbox
// has ended or a cached snapshot cannot be deployed. The function has not seen the
// event then. Attempts on idle sandboxes do not count: when a process ends that all
// of them need, any number of them has ended.
const maxAttempts = 4

// retryPause is the first pause between two attempts with new sandboxes; each pause is
// longer by as much. A process that ends takes those below it with it some milliseconds
// later, so attempts without a pause would all meet the same end.
const retryPause = 5 * time.Millisecond

// errStale marks such a failure; the next attempt takes another path.
var errStale = errors.New("a cached sandbox or snapshot is of no use")

// call is one invocation on its way through the worker.
type call struct {
	w    *Worker
	req  *Request
	res  Response
	lang *language
	fn   *function
	inst *instance
	snap *snapshot // to be deployed, on the warm path

	imported bool // the code was loaded, now or before
}

// Invoke runs one invocation. What the function does, failures of its import
// included, is in the Response; the error is for what the platform could not
// do (see errors.go).
//
// ctx bounds the wait for a place. Once the invocation has one it runs on even
// when ctx ends, bounded by its time-outs, as it does on AWS Lambda when a
// client goes away.
func (w *Worker) Invoke(ctx context.Context, req Request) (Response, error) {
	lang, err := w.check(ctx, &req)
	if err != nil {
		return Response{}, err
	}
	c := call{w: w, req: &req, lang: lang}
	if err := c.begin(ctx); err != nil {
		return Response{Stages: c.res.Stages}, err
	}
	var short shortage
	for attempt := 1; ; {
		if err = c.try(ctx); err == nil {
			break
		}
		c.discard()
		switch {
		case errors.Is(err, isolation.ErrNoProcess) && c.makeRoom(ctx, &short, err):
		case !errors.Is(err, errStale) || c.res.Path != Hot && attempt == maxAttempts:
			return c.fail(err)
		default:
			w.report("start over", err)
			if c.res.Path != Hot {
				c.pause(ctx, time.Duration(attempt)*retryPause)
				attempt++
			}
		}
		c.res, c.imported = Response{Stages: Stages{Queue: c.res.Stages.Queue}}, false
		if err = c.obtain(ctx); err != nil {
			return c.fail(err)
		}
	}
	c.finish()
	return c.res, nil
}

// try runs the invocation in the sandbox or place that it has. An event that did not
// reach the sandbox is a stale sandbox's failure.
func (c *call) try(ctx context.Context) error {
	err := c.ready()
	if err == nil && c.res.Outcome == "" {
		err = c.run(ctx)
	}
	if errors.Is(err, isolation.ErrUndelivered) && !errors.Is(err, errStale) {
		err = fmt.Errorf("%w: %w", errStale, err)
	}
	return err
}

// check refuses what cannot be run and fills in what the request leaves open.
func (w *Worker) check(ctx context.Context, req *Request) (*language, error) {
	lang, ok := w.languages[req.Runtime]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %q", ErrUnknownRuntime, req.Runtime)
	case len(req.Invocation.Payload) > isolation.MaxPayloadBytes:
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrPayloadTooLarge, len(req.Invocation.Payload),
			isolation.MaxPayloadBytes)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	limits := &req.Function.Limits
	limits.MemoryBytes = cmp.Or(limits.MemoryBytes, int64(w.cfg.Memory))
	if per := w.cfg.MemoryPerCPU; per > 0 {
		limits.CPUs = cmp.Or(limits.CPUs, float64(limits.MemoryBytes)/float64(per))
	}
	req.Timeout = cmp.Or(req.Timeout, w.cfg.Timeout)
	return lang, nil
}

// begin registers the invocation and finds it a sandbox or a place for one.
func (c *call) begin(ctx context.Context) error {
	c.w.mu.Lock()
	if c.w.draining {
		c.w.mu.Unlock()
		return ErrClosed
	}
	c.w.inflight++
	c.fn = c.w.lookup(identify(c.req))
	if c.assign() {
		c.w.mu.Unlock()
		return nil
	}
	err := c.queue(ctx)
	if err != nil {
		_, err = c.fail(err)
	}
	return err
}

// pause waits between two attempts, which is part of Stages.Queue. It ends early with ctx or
// the worker.
func (c *call) pause(ctx context.Context, d time.Duration) {
	begin := time.Now()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-c.w.life.Done():
	}
	c.res.Stages.Queue += time.Since(begin)
}

// obtain finds a sandbox or a place for a further attempt.
func (c *call) obtain(ctx context.Context) error {
	c.w.mu.Lock()
	if c.assign() {
		c.w.mu.Unlock()
		return nil
	}
	return c.queue(ctx)
}

// assign takes the cheapest path that is open without waiting, and reports
// whether there was one. w.mu is held.
func (c *call) assign() bool {
	if inst := c.w.acquireIdle(c.fn); inst != nil {
		c.inst, c.res.Path = inst, Hot
		return true
	}
	if c.fn.snap == nil {
		if cell := c.w.acquireStem(c.lang, c.fn); cell != nil {
			c.inst, c.res.Path = cell, Cold
			return true
		}
	}
	if c.w.waiting.n > 0 || c.w.draining || !c.w.room() {
		return false
	}
	c.inst = c.w.newInstance(c.lang, c.fn)
	c.choose()
	return true
}

// choose picks the path of an invocation that has a place and no sandbox.
// w.mu is held.
func (c *call) choose() {
	switch {
	case c.fn.snap != nil:
		c.res.Path, c.snap = Warm, c.w.useSnapshot(c.fn)
	case c.lang.stems.n > 0:
		c.w.retire(c.inst)
		c.res.Path, c.inst = Cold, c.w.acquireStem(c.lang, c.fn)
		c.w.grant()
	case c.w.usesBase():
		c.res.Path = Cold
	default:
		c.res.Path = Boot
	}
}

// queue waits for a place. w.mu is held, and released.
func (c *call) queue(ctx context.Context) error {
	if c.w.draining {
		c.w.mu.Unlock()
		return ErrClosed
	}
	wt := c.w.enqueue(c.lang, c.fn)
	c.w.mu.Unlock()
	begin := time.Now()
	err := c.w.await(ctx, wt)
	c.res.Stages.Queue += time.Since(begin)
	if err != nil {
		return err
	}
	c.inst = wt.inst
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.inst.sb != nil {
		c.res.Path = Hot
	} else {
		c.choose()
	}
	return nil
}

// discard has the invocation's sandbox closed.
func (c *call) discard() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.discarded++
	c.w.allowReplacement(c.inst)
	c.w.retire(c.inst)
	c.w.grant()
}

// fail ends an invocation that the platform could not run and that has no sandbox.
func (c *call) fail(err error) (Response, error) {
	if c.w.life.Err() != nil {
		err = ErrClosed
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.end()
	return Response{Path: c.res.Path, Stages: c.res.Stages}, err
}

// end removes the invocation from the worker's counters. w.mu is held.
func (c *call) end() {
	c.w.unref(c.fn)
	if c.w.inflight--; c.w.inflight == 0 {
		c.w.signal()
	}
}

// finish ends the invocation. It keeps the sandbox, or has it closed where the
// sandbox cannot serve again.
func (c *call) finish() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	inst := c.inst
	c.w.allowReplacement(inst)
	c.w.ran = max(c.w.ran, inst.idleSince)
	c.w.invocations[pathIndex(c.res.Path)]++
	c.res.LogStream = c.fn.stream
	if c.res.MemoryBytes == 0 {
		c.res.MemoryBytes = inst.bytes
	} else {
		c.w.metered(inst, c.res.MemoryBytes)
		inst.sampled = inst.idleSince
	}
	switch {
	case inst.state == closing: // Close came first
	case c.imported && c.res.Outcome.Alive():
		c.w.keepIdle(inst)
		c.w.sampleLater(inst)
	default:
		c.w.discarded++
		c.w.retire(inst)
	}
	if c.imported && c.res.Path != Hot && c.res.Path != Warm {
		c.w.captureLater(c.lang, c.fn, c.req.Function, c.res.Stages.Import)
	}
	c.w.grant()
	c.end()
}
