package gateway

import (
	"context"
	"net/http"
	"sync"

	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// Bounds of the queues. Those of one function leave room for others.
const (
	eventsAtOnce       = 128 // of one function: running, at the dispatcher, or paused before the next attempt
	maxEventsHeld      = 256 << 20
	maxEventsOfOne     = maxEventsHeld / 4
	eventBytesBesides  = 1 << 10 // what an event takes beside its payload
	msgTooManyOfOne    = "too many asynchronous invocations of this function wait"
	msgTooManyOfAll    = "too many asynchronous invocations wait"
	codeTooManyRequest = "TooManyRequestsException"
)

// events are the asynchronous invocations that were accepted. An event stays in the
// store until it has ended, so that a restart runs it again: at least once, as on
// AWS. Each function has a queue of its own, whose events run in the order of their
// arrival, at most eventsAtOnce at a time. A function whose events take long, or
// may not run, delays no events of other functions.
type events struct {
	limit int // events of one function
	run   func(store.Event)
	life  context.Context
	end   context.CancelFunc
	all   sync.WaitGroup // events that were accepted and have not ended

	mu     sync.Mutex // guards what follows
	closed bool
	held   int
	bytes  int
	queues map[string]*eventQueue // of functions that have events
}

// eventQueue are the events of one function.
type eventQueue struct {
	held    int
	bytes   int
	running int
	waiting []store.Event // oldest first
}

func (q *events) start(limit int, run func(store.Event)) {
	q.limit, q.run = limit, run
	q.queues = map[string]*eventQueue{}
	q.life, q.end = context.WithCancel(context.Background())
}

func sizeOf(e store.Event) int { return len(e.Payload) + len(e.ClientContext) + eventBytesBesides }

// enter reserves a place for an event, or says which bound is reached.
func (q *events) enter(e store.Event) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	size := sizeOf(e)
	of := q.queues[e.Name]
	switch {
	case q.closed:
		return worker.ErrClosed
	case of != nil && (of.held >= q.limit || of.bytes+size > maxEventsOfOne):
		return apiError{http.StatusTooManyRequests, codeTooManyRequest, msgTooManyOfOne}
	case q.bytes+size > maxEventsHeld:
		return apiError{http.StatusTooManyRequests, codeTooManyRequest, msgTooManyOfAll}
	}
	q.add(e)
	return nil
}

// add reserves a place whatever the bounds. q.mu is held.
func (q *events) add(e store.Event) {
	of := q.queues[e.Name]
	if of == nil {
		of = &eventQueue{}
		q.queues[e.Name] = of
	}
	of.held++
	of.bytes += sizeOf(e)
	q.held++
	q.bytes += sizeOf(e)
	q.all.Add(1)
}

// resume adds an event that an earlier process of the platform accepted, whatever the
// bounds.
func (q *events) resume(e store.Event) {
	q.mu.Lock()
	q.add(e)
	q.mu.Unlock()
	q.put(e)
}

// put has an event run that has a place, in its turn within its function.
func (q *events) put(e store.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.queues[e.Name]
	of.waiting = append(of.waiting, e)
	if of.running < eventsAtOnce {
		of.running++
		go q.work(e.Name, of)
	}
}

// work runs events of one function until none waits.
func (q *events) work(name string, of *eventQueue) {
	for {
		q.mu.Lock()
		if len(of.waiting) == 0 {
			of.running--
			q.mu.Unlock()
			return
		}
		e := of.waiting[0]
		of.waiting[0] = store.Event{} // frees the payload
		of.waiting = of.waiting[1:]
		q.mu.Unlock()
		q.run(e)
		q.leave(e)
	}
}

// leave gives an event's place back.
func (q *events) leave(e store.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.queues[e.Name]
	of.held--
	of.bytes -= sizeOf(e)
	q.held--
	q.bytes -= sizeOf(e)
	if of.held == 0 {
		delete(q.queues, e.Name)
	}
	q.all.Done()
}

func (q *events) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}
