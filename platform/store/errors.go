package store

import (
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// Errors of the store; compare with errors.Is.
var (
	ErrExists   = errors.New("the function exists already")
	ErrNotFound = errors.New("no such function")
	ErrConflict = errors.New("the function was changed in the meantime")
	ErrBadZip   = errors.New("the package cannot be used")
	ErrTooLarge = errors.New("the package is too large")
	ErrInUse    = errors.New("the data directory is in use by another platform")
	ErrDiskFull = errors.New("the data directory's disk is full")
)

// diskFull turns the errors of the kernel and of SQLite for a full disk into
// ErrDiskFull.
func diskFull(err error) error {
	if sqlite.Full(err) && !errors.Is(err, ErrDiskFull) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}
