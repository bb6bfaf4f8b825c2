package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// Bounds of asynchronous invocations.
const (
	maxEventBytes = 1 << 20       // AWS Lambda quotas: 1 MB
	maxEventAge   = 6 * time.Hour // after which a throttled event is dropped, as on AWS
	longestPause  = time.Minute   // between two attempts of a throttled event
)

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
	if err := g.events.enter(e); err != nil {
		return err
	}
	if err := g.functions.AddEvent(e); err != nil {
		g.events.leave(e)
		return err
	}
	g.events.put(e)
	return nil
}

// resume runs the events that an earlier process of the platform accepted and did not
// end.
func (g *Gateway) resume() error {
	all, err := g.functions.Events()
	if err != nil {
		return err
	}
	for _, e := range all {
		g.events.resume(e)
	}
	if len(all) > 0 {
		g.cfg.Log.Info("asynchronous invocations of the last run go on", "count", len(all))
	}
	return nil
}

// runEvent runs an event to its end and removes it from the store. When the gateway
// closes first, the event stays in the store.
func (g *Gateway) runEvent(e store.Event) {
	log := g.cfg.Log.With("function", e.Name, "request", e.ID)
	res, err := g.attempt(e)
	switch {
	case errors.Is(err, worker.ErrClosed), errors.Is(err, dispatch.ErrClosed), g.events.life.Err() != nil &&
		errors.Is(err, context.Canceled):
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
	if g.events.life.Err() != nil {
		return worker.Response{}, worker.ErrClosed
	}
	fn, err := g.functions.Get(e.Name, e.Version)
	if err != nil {
		return worker.Response{}, err
	}
	req := g.RequestOf(fn, e.Payload, nil)
	req.Invocation.ID, req.Invocation.ClientContext = e.ID, e.ClientContext
	return g.run(g.events.life, req)
}

// Close accepts no further asynchronous invocation and returns when all accepted ones
// have ended, or with an error when ctx ends first. Invocations that have not ended
// stay in the store for the next start.
func (g *Gateway) Close(ctx context.Context) error {
	q := &g.events
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		q.all.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		q.end()
		return nil
	case <-ctx.Done():
	}
	left := q.count()
	q.end()
	g.cfg.Log.Warn("asynchronous invocations wait for the next start", "count", left)
	return fmt.Errorf("close gateway: %d asynchronous invocations wait for the next start: %w", left, ctx.Err())
}

// Wait returns when no event runs any more. After Close that is as soon as the Invoker
// is closed.
func (g *Gateway) Wait() { g.events.all.Wait() }
