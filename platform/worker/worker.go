// Package worker runs invocations on one isolation backend, by the cheapest
// path that it has: hot, warm, cold or boot (see [Path]).
package worker

import (
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
	Runtime    string // "nodejs20.x"
	Function   runtime.Function
	Timeout    time.Duration // the function's own, from the moment the handler gets the event
	Invocation runtime.Invocation
}

// Response is an invocation's result and how it came about.
type Response struct {
	runtime.Result
	Path        Path
	Stages      Stages
	Billed      time.Duration // the run stage, rounded up to a whole millisecond
	MemoryBytes int64         // of the sandbox after the invocation; 0 where it was not metered
}
