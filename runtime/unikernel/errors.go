package unikernel

import (
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Errors of this package; compare with errors.Is.
var (
	// ErrTenderGone: the tender's processes ended, by themselves or because
	// the backend was closed.
	ErrTenderGone = errors.New("the tender is gone")

	// ErrNoProcess: the host lets the tender fork no further process.
	ErrNoProcess = fmt.Errorf("%w: kernel.pid_max, kernel.threads-max, pids.max of a cgroup or RLIMIT_NPROC is met: raise it, or hold fewer sandboxes (`lambdabench doctor` shows what binds)", isolation.ErrNoProcess)

	// ErrUnsettled: a UC did not stay at its capture point.
	ErrUnsettled = errors.New("the unikernel context does not come to rest")
)

// Why a process of the tender is lost.
var (
	errUnanswered   = errors.New("it does not answer")
	errStopped      = errors.New("its process was stopped")
	errProcessEnded = errors.New("its process ended")
)
