package bench

import (
	"errors"
	"fmt"
)

// Errors of a run; compare with errors.Is.
var (
	ErrInUse        = errors.New("the run folder is in use by another lambdabench")
	ErrOtherSuite   = errors.New("the run folder holds a run of another suite")
	ErrOtherMachine = errors.New("the run folder holds a run of another program or machine")
	ErrNoTarget     = errors.New("no backend of the suite is usable on this host")
	ErrNoTrial      = errors.New("no experiment of the suite has a trial for these backends and runtimes")
	ErrUnknown      = errors.New("unknown name")
	ErrTwice        = errors.New("named twice")
	ErrNoRow        = errors.New("the trial recorded nothing")
)

// NothingRun lists the errors of runs that cannot begin: another try fails alike.
var NothingRun = []error{ErrInUse, ErrOtherSuite, ErrOtherMachine, ErrNoTarget, ErrNoTrial, ErrUnknown,
	ErrTwice}

// BadValue is a parameter that makes no sense.
type BadValue struct {
	Key  string // the key in the suite
	Want string // the remedy: "want at least 1"
}

func (b *BadValue) Error() string { return fmt.Sprintf("%s: %s", b.Key, b.Want) }

// Bad is the *BadValue of a key.
func Bad(key, format string, args ...any) error { return &BadValue{key, fmt.Sprintf(format, args...)} }

// maxCount bounds every number in a suite: a number of functions, calls or clients above it
// is a slip of the keyboard that would take all of the host's memory.
const maxCount = 1 << 20

// AtLeast checks the number of a key, which is from want to 1,048,576: nil, or a *BadValue.
func AtLeast(key string, have, want int) error { return Between(key, have, want, maxCount) }

// Between checks the number of a key: nil, or a *BadValue.
func Between(key string, have, least, most int) error {
	switch {
	case have < least:
		return Bad(key, "is %d, want at least %d", have, least)
	case have > most:
		return Bad(key, "is %d, want at most %d", have, most)
	}
	return nil
}

// SuiteError is a mistake in a suite or in a file of thresholds, at a place in the file.
type SuiteError struct {
	File         string
	Line, Column int
	Message      string // the mistake, and the remedy
}

func (e *SuiteError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// TrialsFailed is a run that ended with failed trials. The next run into the same folder
// tries them again.
type TrialsFailed struct {
	Errors []error // one for each
	Of     int     // trials that were to be run
}

func (t *TrialsFailed) Error() string {
	return fmt.Sprintf("%d of %d trials failed", len(t.Errors), t.Of)
}

// Unwrap returns the trials' errors.
func (t *TrialsFailed) Unwrap() []error { return t.Errors }
