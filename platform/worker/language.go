package worker

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// language is what the worker holds for one runtime.
type language struct {
	isolation.Interpreter
	average int64 // memory of its sandboxes, for those not sampled yet

	base    isolation.Snapshot // the runtime snapshot; nil until it was taken
	capture *baseCapture       // while it is being taken
	baseErr error              // why it could not be taken the last time

	stems     list[instance]
	starting  int   // stem cells that are being started
	postponed int   // stem cells that were taken, whose replacement waits for their calls
	failures  int   // in a row
	retryAt   int64 // on the worker's clock
	stemErr   error // why the last one could not be started
}

// baseCapture is a runtime snapshot that is being taken: all invocations that need
// the snapshot share one boot.
type baseCapture struct{ done chan struct{} }

// usesBase reports whether cold invocations start from runtime snapshots.
func (w *Worker) usesBase() bool { return w.snapshotter != nil && !w.cfg.Runtimes.Off }

// baseOf returns the runtime snapshot. Where there is none yet, it is taken first,
// and waited is true.
func (w *Worker) baseOf(lang *language) (base isolation.Snapshot, waited bool, err error) {
	w.mu.Lock()
	if lang.base != nil || w.closed {
		defer w.mu.Unlock()
		if w.closed {
			return nil, false, ErrClosed
		}
		return lang.base, false, nil
	}
	t := w.captureBase(lang)
	w.mu.Unlock()
	<-t.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, true, ErrClosed
	}
	if lang.base == nil {
		return nil, true, lang.baseErr
	}
	return lang.base, true, nil
}

// captureBase starts to take the runtime snapshot unless that is under way.
// BootTimeout bounds it, and no invocation that waits for it can cancel it for the
// others. w.mu is held.
func (w *Worker) captureBase(lang *language) *baseCapture {
	if lang.capture != nil {
		return lang.capture
	}
	t := &baseCapture{done: make(chan struct{})}
	lang.capture = t
	w.goroutines.Add(1)
	go func() {
		defer w.goroutines.Done()
		defer close(t.done)
		snap, err := w.bootAndCapture(lang)
		w.report("take the runtime snapshot", err)
		w.mu.Lock()
		lang.capture, lang.base, lang.baseErr = nil, snap, err
		w.signal()
		w.mu.Unlock()
	}()
	return t
}

func (w *Worker) bootAndCapture(lang *language) (isolation.Snapshot, error) {
	ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout)
	defer cancel()
	sb, err := w.backend.Boot(ctx, isolation.BootSpec{Interpreter: lang.Interpreter, Environment: w.cfg.Environment,
		Prepare: w.cfg.Runtimes.Prepare, Training: w.cfg.Training})
	if err != nil {
		return nil, fmt.Errorf("runtime snapshot of %s: %w", lang.Runtime, err)
	}
	snap, err := w.snapshotter.Capture(ctx, sb)
	w.report("close a sandbox", sb.Close())
	if err != nil {
		return nil, fmt.Errorf("runtime snapshot of %s: %w", lang.Runtime, err)
	}
	return snap, nil
}
