package gateway

import (
	"context"
	"net/http"
	"sync"

	"github.com/lambdabench/lambdabench/platform/worker"
)

// eventWorkers is how many asynchronous invocations run at a time.
const eventWorkers = 8

// eventQueue holds the asynchronous invocations that were accepted.
type eventQueue struct {
	mu     sync.RWMutex // guards closed against a send on a closed channel
	closed bool
	waits  chan worker.Request
	life   context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (q *eventQueue) start(limit int, run func(context.Context, worker.Request)) {
	q.waits = make(chan worker.Request, limit)
	q.life, q.cancel = context.WithCancel(context.Background())
	for range eventWorkers {
		q.done.Go(func() {
			for req := range q.waits {
				run(q.life, req)
			}
		})
	}
}

// add accepts an invocation unless too many wait.
func (q *eventQueue) add(req worker.Request) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return worker.ErrClosed
	}
	select {
	case q.waits <- req:
		return nil
	default:
		return apiError{http.StatusTooManyRequests, "TooManyRequestsException", "too many asynchronous invocations wait"}
	}
}

// close waits for what was accepted. It returns how many were lost when ctx
// ended first; those that run then end with the invoker.
func (q *eventQueue) close(ctx context.Context) (lost int, err error) {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.waits)
	}
	q.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		q.done.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		err = ctx.Err()
		for range q.waits {
			lost++
		}
	}
	q.cancel()
	return lost, err
}

// runEvent runs an asynchronous invocation; its result is only logged.
func (g *Gateway) runEvent(ctx context.Context, req worker.Request) {
	res, err := g.run(ctx, req)
	switch {
	case err != nil:
		g.cfg.Log.Warn("asynchronous invocation failed", "function", req.Function.Name, "request", req.Invocation.ID, "error", err)
	case res.Error != nil:
		g.cfg.Log.Warn("asynchronous invocation ended with an error", "function", req.Function.Name, "request", req.Invocation.ID, "error", res.Error)
	}
}
