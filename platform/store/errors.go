package store

import "errors"

// Errors of the store; compare with errors.Is.
var (
	ErrExists   = errors.New("the function exists already")
	ErrNotFound = errors.New("no such function")
	ErrConflict = errors.New("the function was changed in the meantime")
	ErrBadZip   = errors.New("the package cannot be used")
	ErrTooLarge = errors.New("the package is too large")
	ErrInUse    = errors.New("the data directory is in use by another platform")
)
