package unikernel

import (
	"errors"

	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Errors of this package; compare with errors.Is.
var (
	// ErrTenderGone: the tender's processes ended, by themselves or because
	// the backend was closed.
	ErrTenderGone = zygote.ErrGone

	// ErrNoProcess: the host lets the tender fork no further process.
	ErrNoProcess = guest.ErrNoProcess

	// ErrUnsettled: a UC did not stay at its capture point.
	ErrUnsettled = errors.New("the unikernel context does not come to rest")
)
