package worker

import (
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
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

// Paths are all paths, cheapest first.
var Paths = [...]Path{Hot, Warm, Cold, Boot}

func pathIndex(p Path) int {
	for i, q := range Paths {
		if p == q {
			return i
		}
	}
	return len(Paths) - 1
}

// Stages are the parts of an invocation's time, each measured where it
// happens, on the monotonic clock. A stage that did not happen is zero.
type Stages struct {
	Queue   time.Duration // waiting for a place, or between two attempts
	Boot    time.Duration // starting the interpreter, or waiting for the first runtime snapshot
	Deploy  time.Duration // laying out a snapshot, or resuming a paused sandbox
	Import  time.Duration // loading the code
	Capture time.Duration // taking the function snapshot, where the reply waited for it
	Run     time.Duration // the handler, from event to reply
}

// Request is one invocation of one function.
type Request struct {
	Runtime  string // "nodejs20.x"
	Function isolation.Function

	// Revision changes whenever the function's code or configuration does. A
	// sandbox or a snapshot is only ever used for the revision that it was
	// made for.
	Revision string

	Timeout    time.Duration        // the function's own, from the moment the handler gets the event; 0: Config.Timeout
	Invocation isolation.Invocation // the worker sets the Deadline

	// Meter asks for the sandbox's memory right after the run. Where it comes
	// from PSS that takes milliseconds; without it the Response has what was
	// sampled last.
	Meter bool
}

// FunctionID is the function's ARN, or its name where it has none, as in
// experiments that call the worker directly.
func (r *Request) FunctionID() string {
	if r.Function.ARN != "" {
		return r.Function.ARN
	}
	return r.Function.Name
}

// Response is an invocation's result and how it came about.
type Response struct {
	isolation.Result
	Path        Path
	Stages      Stages
	Billed      time.Duration // the run stage, at most Timeout, rounded up to a whole millisecond
	MemoryBytes int64         // of the sandbox, see Request.Meter; 0 where it was not metered yet
	LogStream   string        // of the function's revision, in this worker; empty where no code was loaded
	PeakBytes   int64         // the most so far, with Request.Meter where the backend knows it; else 0
}
