package isolation

import (
	"errors"
	"fmt"
	"syscall"
)

// Errors of the contract; compare with errors.Is.
var (
	ErrClosed        = errors.New("sandbox is closed")
	ErrNothingToRun  = errors.New("no function was imported into the sandbox")
	ErrBusy          = errors.New("sandbox is serving another call")
	ErrNotQuiescent  = errors.New("sandbox cannot be captured: it is not waiting for work")
	ErrForeignObject = errors.New("sandbox or snapshot belongs to another backend")

	// ErrUndelivered: the sandbox ended before its driver had read the request.
	// Another sandbox can take it; the error also says how this one ended.
	ErrUndelivered = errors.New("the sandbox had ended before the request reached it")

	// ErrNoProcess: the host refuses the process, memory or descriptor that one more
	// sandbox takes. When another sandbox has ended there may be room.
	ErrNoProcess = errors.New("the host has no process to spare for another sandbox")

	// ErrPayloadTooLarge: the event exceeds MaxPayloadBytes. Nothing was sent,
	// the sandbox stays usable.
	ErrPayloadTooLarge = errors.New("event exceeds the payload limit")
)

// Scarce marks an error of a boot or a deploy as ErrNoProcess if its cause is that
// the host refused a process, memory or a descriptor (fork(2), socketpair(2)).
func Scarce(err error) error {
	if errors.Is(err, ErrNoProcess) {
		return err
	}
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w: %w", ErrNoProcess, err)
		}
	}
	return err
}

// Unavailable says in one sentence what a host lacks for a backend, and how to
// get it.
type Unavailable struct {
	Backend string
	Lacks   string // "no runc or crun on the PATH"
	Remedy  string // "apt-get install runc"
}

func (u *Unavailable) Error() string {
	if u.Remedy == "" {
		return fmt.Sprintf("%s: %s", u.Backend, u.Lacks)
	}
	return fmt.Sprintf("%s: %s (%s)", u.Backend, u.Lacks, u.Remedy)
}

// FunctionError is a failure of the function, in the shape in which AWS Lambda
// reports it. It is data of an invocation, and an error of Import.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`

	// AWS's client for Node.js sends Trace, that for Python the other two.
	Trace      []string `json:"trace,omitzero"`
	RequestID  string   `json:"requestId,omitempty"`
	StackTrace []string `json:"stackTrace,omitzero"`

	// Fatal tells a sandbox that ended (crash, memory) from a failure that
	// the driver reported.
	Fatal bool `json:"-"`

	// Logs is what the function printed until an Import failed, and Marks when.
	Logs  []byte    `json:"-"`
	Marks []LogMark `json:"-"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Outcome is that of an invocation which ended with this error.
func (e *FunctionError) Outcome() Outcome {
	switch e.Type {
	case TypeTimedOut:
		return TimedOut
	case TypeOutOfMemory:
		return OutOfMemory
	case TypeExit:
		return Crashed
	case TypeMalformed:
		return Malformed
	}
	return Failed
}

// Error types that the platform itself reports, in AWS Lambda's words where
// it has them.
const (
	TypeTimedOut      = "Sandbox.Timedout"
	TypeExit          = "Runtime.ExitError"
	TypeOutOfMemory   = "Runtime.OutOfMemory"
	TypeMalformed     = "Runtime.ProtocolError"
	TypeMarshal       = "Runtime.MarshalError"
	TypeUnmarshal     = "Runtime.UnmarshalError"
	TypeUnhandled     = "Runtime.UnhandledPromiseRejection"
	TypeImport        = "Runtime.ImportModuleError"
	TypeSyntax        = "Runtime.UserCodeSyntaxError"
	TypeNoHandler     = "Runtime.HandlerNotFound"
	TypeBadHandler    = "Runtime.MalformedHandlerName"
	TypeTooLargeReply = "Function.ResponseSizeTooLarge"
)
