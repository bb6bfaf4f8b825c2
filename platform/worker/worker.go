// Package worker runs invocations on one isolation backend, by the cheapest
// path that it has: hot, warm, cold or boot (see [Path]).
package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

// Path is the way an invocation took.
type Path string

// The paths, cheapest first.
const (
	Hot  Path = "hot"  // an idle sandbox of this function was there
	Warm Path = "warm" // a snapshot of this function was deployed
	Cold Path = "cold" // a booted runtime, from a runtime snapshot or a stem cell, imported the code
	Boot Path = "boot" // the runtime was booted first
)

// Stages are the parts of an invocation's time, each measured where it
// happens, on the monotonic clock. A stage that did not happen is zero.
type Stages struct {
	Queue   time.Duration // waiting for a place
	Boot    time.Duration // starting the interpreter
	Deploy  time.Duration // laying out a snapshot, or resuming a paused sandbox
	Import  time.Duration // loading the code
	Capture time.Duration // taking the function snapshot
	Run     time.Duration // the handler, from event to reply
}

// Request is one invocation of one function.
type Request struct {
	Runtime  string // "nodejs20.x"
	Function runtime.Function

	// Revision changes whenever the function's code or configuration does. A
	// sandbox or a snapshot is only ever used for the revision that it was
	// made for.
	Revision string

	Timeout    time.Duration      // the function's own, from the moment the handler gets the event; 0: Config.Timeout
	Invocation runtime.Invocation // the worker sets the Deadline

	// Meter asks for the sandbox's memory right after the run. Where it comes
	// from PSS that takes milliseconds; without it the Response has what was
	// sampled last.
	Meter bool
}

// Response is an invocation's result and how it came about.
type Response struct {
	runtime.Result
	Path        Path
	Stages      Stages
	Billed      time.Duration // the run stage, rounded up to a whole millisecond
	MemoryBytes int64         // of the sandbox, see Request.Meter; 0 where it was not metered yet
}

// Worker runs invocations on one backend. Its methods may be called from any
// number of goroutines.
type Worker struct {
	cfg     Config
	backend runtime.Backend
	byID    map[string]runtime.Interpreter
}

// New returns a worker that runs functions of the given runtimes. The caller
// keeps the backend and closes it after the worker.
func New(cfg Config, backend runtime.Backend, interpreters []runtime.Interpreter) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	w := &Worker{cfg: cfg.Resolved(), backend: backend, byID: map[string]runtime.Interpreter{}}
	for _, in := range interpreters {
		w.byID[in.Runtime] = in
	}
	return w, nil
}

// Ready returns when what New started in the background is there: the runtime
// snapshots and all stem cells.
func (w *Worker) Ready(ctx context.Context) error { return nil }

// Invoke runs one invocation. What the function does, failures of its import
// included, is in the Response; the error is for what the platform could not
// do (see errors.go).
//
// ctx bounds the wait for a place. Once the invocation has one it runs on even
// when ctx ends, bounded by its time-outs, as it does on AWS Lambda when a
// client goes away.
func (w *Worker) Invoke(ctx context.Context, req Request) (Response, error) {
	in, ok := w.byID[req.Runtime]
	if !ok {
		return Response{}, fmt.Errorf("%w: %s", ErrUnknownRuntime, req.Runtime)
	}
	res := Response{Path: Boot}
	t := time.Now()
	sb, err := w.backend.Boot(ctx, runtime.BootSpec{Interpreter: in})
	if err != nil {
		return res, err
	}
	defer sb.Close()
	res.Stages.Boot = time.Since(t)
	t = time.Now()
	if err := sb.Import(ctx, req.Function); err != nil {
		return res, err
	}
	res.Stages.Import = time.Since(t)
	t = time.Now()
	req.Invocation.Deadline = t.Add(req.Timeout)
	res.Result, err = sb.Invoke(ctx, req.Invocation)
	res.Stages.Run = time.Since(t)
	return res, err
}

// Forget drops the idle sandboxes and snapshots of a function version; version
// "" means all versions. Invocations that run finish, and leave nothing.
func (w *Worker) Forget(arn, version string) {}

// Stats returns the worker's state.
func (w *Worker) Stats() Stats { return Stats{Invocations: map[Path]uint64{}} }

// Drain refuses new invocations and returns when those that run have ended, or
// with ctx's error.
func (w *Worker) Drain(ctx context.Context) error { return nil }

// Close ends everything, running invocations included, and returns when all
// sandboxes and snapshots are closed.
func (w *Worker) Close() error { return nil }
