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
	taking  *taking            // while it is being taken
	baseErr error              // why it could not be taken the last time

	stems    list[instance]
	starting int   // stem cells that are being started
	failures int   // in a row
	retryAt  int64 // on the worker's clock
	stemErr  error // why the last one could not be started
}

// taking is a runtime snapshot in the making: all who need it share one boot.
type taking struct{ done chan struct{} }

// usesBase reports whether cold invocations start from runtime snapshots.
func (w *Worker) usesBase() bool { return w.snapshotter != nil && !w.cfg.Runtimes.Off }

// baseOf returns the runtime snapshot, and has it taken first where it is not
// there. waited reports whether it was not.
func (w *Worker) baseOf(lang *language) (base isolation.Snapshot, waited bool, err error) {
	w.mu.Lock()
	if lang.base != nil || w.closed {
		defer w.mu.Unlock()
		if w.closed {
			return nil, false, ErrClosed
		}
		return lang.base, false, nil
	}
	t := w.takeBase(lang)
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

// takeBase starts taking the runtime snapshot unless that is under way. It is
// bounded by BootTimeout, and no invocation that waits for it can cancel it for
// the others. w.mu is held.
func (w *Worker) takeBase(lang *language) *taking {
	if lang.taking != nil {
		return lang.taking
	}
	t := &taking{done: make(chan struct{})}
	lang.taking = t
	w.owned.Add(1)
	go func() {
		defer w.owned.Done()
		defer close(t.done)
		snap, err := w.bootAndCapture(lang)
		w.report("take the runtime snapshot", err)
		w.mu.Lock()
		lang.taking, lang.base, lang.baseErr = nil, snap, err
		w.signal()
		w.mu.Unlock()
	}()
	return t
}

func (w *Worker) bootAndCapture(lang *language) (isolation.Snapshot, error) {
	ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout)
	defer cancel()
	sb, err := w.backend.Boot(ctx, isolation.BootSpec{Interpreter: lang.Interpreter, Environment: w.cfg.Environment, Prepare: w.cfg.Runtimes.Prepare})
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
