package worker

import (
	"errors"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Errors of Invoke; compare with errors.Is. What a function does wrong is not
// among them: it is data, in the Response.
var (
	// ErrClosed: the worker was closed, or is being drained.
	ErrClosed = errors.New("the worker is closed")

	// ErrNoPlace: all sandboxes were busy for longer than Config.PlaceWait.
	ErrNoPlace = errors.New("no sandbox became free in time")

	// ErrUnknownRuntime: the worker has no interpreter for the runtime.
	ErrUnknownRuntime = errors.New("the runtime is not installed on this worker")

	// ErrPayloadTooLarge: the event is larger than isolation.MaxPayloadBytes.
	ErrPayloadTooLarge = isolation.ErrPayloadTooLarge
)
