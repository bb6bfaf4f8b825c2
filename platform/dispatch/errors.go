package dispatch

import "errors"

// ErrThrottled is the sentinel of every *Throttled.
var ErrThrottled = errors.New("rate exceeded")

// ErrReserve says that a reservation would leave too few places for the other functions.
var ErrReserve = errors.New("too many places would be reserved")

// ErrClosed says that the dispatcher was closed.
var ErrClosed = errors.New("the dispatcher is closed")

// Reason says which limit was met, in the words of AWS Lambda's
// TooManyRequestsException.
type Reason string

// The reasons.
const (
	ReasonFunction Reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
	ReasonTotal    Reason = "ConcurrentInvocationLimitExceeded"
)

// Throttled is an invocation that was refused because too many others run and
// wait. The gateway answers TooManyRequestsException, status 429.
type Throttled struct {
	Function string // ARN
	Reason   Reason
	Waited   bool // it was in the queue for as long as Config.Wait allows
}

func (t *Throttled) Error() string {
	if t.Waited {
		return "rate exceeded for " + t.Function + ": no invocation ended in time (" + string(t.Reason) + ")"
	}
	return "rate exceeded for " + t.Function + ": the queue is full (" + string(t.Reason) + ")"
}

// Is makes every *Throttled an ErrThrottled.
func (t *Throttled) Is(target error) bool { return target == ErrThrottled }
