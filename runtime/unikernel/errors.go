package unikernel

import "errors"

// Errors of this package; compare with errors.Is.
var (
	// ErrTenderGone: the tender's processes ended, by themselves or because
	// the backend was closed.
	ErrTenderGone = errors.New("the tender is gone")

	// ErrUnsettled: a UC did not stay at its capture point.
	ErrUnsettled = errors.New("the unikernel context does not come to rest")
)
