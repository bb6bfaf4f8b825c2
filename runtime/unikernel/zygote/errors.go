package zygote

import (
	"errors"
	"fmt"
	"syscall"
)

// Errors of this package; compare with errors.Is.
var (
	// ErrGone: the tender's processes ended, by themselves or because the backend
	// was closed.
	ErrGone = errors.New("the tender is gone")

	// ErrAwake: the UC is not at its capture point, or left it meanwhile. It may
	// come there.
	ErrAwake = errors.New("the unikernel context is not at rest")

	// ErrUnknown: the child that a call names is no more.
	ErrUnknown = errors.New("the unikernel context is gone")
)

// Why a process of the tender is lost.
var (
	ErrEnded      = errors.New("its process ended")
	ErrStopped    = errors.New("its process was stopped")
	errUnanswered = errors.New("it does not answer")
)

// StageTooSmallError is a capture that finds more pages than its stage holds.
type StageTooSmallError struct{ Need int }

func (e *StageTooSmallError) Error() string {
	return fmt.Sprintf("the capture has %d pages, more than its stage holds", e.Need)
}

// refusal is the errno of a reply as an error: with the words of this package
// where the errno has a meaning of its own.
func refusal(op uint32, r reply) error {
	switch {
	case r.err == 0:
		return nil
	case r.err == syscall.EAGAIN:
		return ErrAwake // often: a capture asks until the UC sleeps
	case r.err == syscall.ESRCH:
		return fmt.Errorf("%w: %w", ErrUnknown, r.err)
	case r.err == syscall.ENOSPC && op == opCapture:
		return &StageTooSmallError{Need: int(r.a)}
	case r.err == syscall.EPERM:
		return readingForbidden(r.err, yamaScope())
	}
	return r.err
}
