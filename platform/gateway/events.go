package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// Bounds of asynchronous invocations.
const (
	maxEventBytes = 1 << 20       // AWS Lambda quotas: 1 MB
	maxEventsHeld = 128 << 20     // bytes of all that were accepted and have not ended
	eventsAtOnce  = 128           // that run or are with the dispatcher; fewer than its queue, which others use too
	maxEventAge   = 6 * time.Hour // after which a throttled one is given up, as on AWS
	longestPause  = time.Minute   // between two attempts of a throttled one
)

// events are the asynchronous invocations that were accepted. The store has
// them until they have ended, so that a restart runs them again: at least once,
// as on AWS.
type events struct {
	limit int
	life  context.Context
	end   context.CancelFunc
	turns chan struct{} // one for each that may run
	owned sync.WaitGroup

	mu     sync.Mutex
	closed bool
	held   int
	bytes  int
}

func (q *events) start(limit int) {
	q.limit = limit
	q.turns = make(chan struct{}, eventsAtOnce)
	q.life, q.end = context.WithCancel(context.Background())
}

// enter takes a place for an event.
func (q *events) enter(bytes int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return worker.ErrClosed
	case q.held >= q.limit || q.bytes+bytes > maxEventsHeld:
		return apiError{http.StatusTooManyRequests, "TooManyRequestsException", "too many asynchronous invocations wait"}
	}
	q.add(bytes)
	return nil
}

// add takes a place without asking. mu is held.
func (q *events) add(bytes int) {
	q.held++
	q.bytes += bytes
	q.owned.Add(1)
}

func (q *events) leave(bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held--
	q.bytes -= bytes
	q.owned.Done()
}

// accept keeps an event on disk and runs it when its turn comes.
func (g *Gateway) accept(req worker.Request) error {
	e := store.Event{
		ID: req.Invocation.ID, Name: req.Function.Name, Version: req.Function.Version,
		Payload: req.Invocation.Payload, ClientContext: req.Invocation.ClientContext, Accepted: time.Now(),
	}
	if len(e.Payload) > maxEventBytes {
		return apiError{http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			"an asynchronous invocation's payload must be at most " + strconv.Itoa(maxEventBytes) + " bytes"}
	}
	if err := g.events.enter(len(e.Payload)); err != nil {
		return err
	}
	if err := g.functions.AddEvent(e); err != nil {
		g.events.leave(len(e.Payload))
		return err
	}
	go g.runEvent(e)
	return nil
}

// resume runs what a predecessor accepted and did not end.
func (g *Gateway) resume() error {
	all, err := g.functions.Events()
	if err != nil {
		return err
	}
	for _, e := range all {
		g.events.mu.Lock()
		g.events.add(len(e.Payload))
		g.events.mu.Unlock()
		go g.runEvent(e)
	}
	if len(all) > 0 {
		g.cfg.Log.Info("asynchronous invocations of the last run go on", "count", len(all))
	}
	return nil
}

// runEvent runs an event to its end and then forgets it. When the gateway
// closes first, it stays in the store.
func (g *Gateway) runEvent(e store.Event) {
	defer g.events.leave(len(e.Payload))
	log := g.cfg.Log.With("function", e.Name, "request", e.ID)
	res, err := g.attempt(e)
	switch {
	case errors.Is(err, worker.ErrClosed), errors.Is(err, dispatch.ErrClosed), g.events.life.Err() != nil && errors.Is(err, context.Canceled):
		return
	case err != nil:
		log.Warn("asynchronous invocation failed", "error", err)
	case res.Error != nil:
		log.Warn("asynchronous invocation ended with an error", "error", res.Error)
	}
	if err := g.functions.DropEvent(e.ID); err != nil {
		log.Error("an asynchronous invocation that ended will run again after a restart", "error", err)
	}
}

// attempt invokes the event's function, again and again while it is throttled.
func (g *Gateway) attempt(e store.Event) (worker.Response, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, longestPause) {
		res, err := g.attemptOnce(e)
		throttled := errors.Is(err, dispatch.ErrThrottled) || errors.Is(err, worker.ErrNoPlace)
		if !throttled || time.Since(e.Accepted) > maxEventAge {
			return res, err
		}
		select {
		case <-time.After(pause):
		case <-g.events.life.Done():
			return res, worker.ErrClosed
		}
	}
}

func (g *Gateway) attemptOnce(e store.Event) (worker.Response, error) {
	select {
	case g.events.turns <- struct{}{}:
		defer func() { <-g.events.turns }()
	case <-g.events.life.Done():
		return worker.Response{}, worker.ErrClosed
	}
	fn, err := g.functions.Get(e.Name, e.Version)
	if err != nil {
		return worker.Response{}, err
	}
	req := g.requestOf(fn, e.Payload)
	req.Invocation.ID, req.Invocation.ClientContext = e.ID, e.ClientContext
	return g.run(g.events.life, req)
}

// Close takes no further asynchronous invocation and returns when those that
// were accepted have ended, or with an error when ctx ends first. Those that
// are left stay in the store for the next start.
func (g *Gateway) Close(ctx context.Context) error {
	q := &g.events
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		q.owned.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		q.end()
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	left := q.held
	q.mu.Unlock()
	q.end()
	g.cfg.Log.Warn("asynchronous invocations wait for the next start", "count", left)
	return fmt.Errorf("close gateway: %d asynchronous invocations wait for the next start: %w", left, ctx.Err())
}

// Wait returns when what Close left has been let go of, which is as soon as the
// Invoker is closed.
func (g *Gateway) Wait() { g.events.owned.Wait() }
