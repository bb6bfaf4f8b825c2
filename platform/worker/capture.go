package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// claimCapture reports whether the caller is to take the function's snapshot:
// of a burst of cold invocations one does. w.mu is held.
func (w *Worker) claimCapture(fn *function) bool {
	if w.snapshotter == nil || w.cfg.Functions.Off || w.cfg.Capture == CaptureOff ||
		fn.snap != nil || fn.capturing || fn.forgotten || w.closed {
		return false
	}
	fn.capturing = true
	return true
}

// captureInline takes the function's snapshot between import and run. It
// returns how long that took. A failure costs the function its snapshot and
// not its invocation.
func (w *Worker) captureInline(inst *instance) time.Duration {
	w.mu.Lock()
	mine := w.cfg.Capture == CaptureInline && w.claimCapture(inst.fn)
	w.mu.Unlock()
	if !mine {
		return 0
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout)
	defer cancel()
	s, err := w.snapshotter.Capture(ctx, inst.sb)
	took := time.Since(begin)
	w.captured(inst.fn, s, err)
	return took
}

// captured ends what claimCapture began.
func (w *Worker) captured(fn *function, s isolation.Snapshot, err error) {
	w.report("take the snapshot of "+fn.arn, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	fn.capturing = false
	if err == nil {
		w.store(fn, s)
	}
}

// captureLater has the function's snapshot taken in the background, one after
// the other, those of functions that were missed most often first. w.mu is held.
func (w *Worker) captureLater(lang *language, fn *function, code isolation.Function, took time.Duration) {
	if fn.wanted != nil {
		w.wanted.missed(fn.wanted)
		return
	}
	if w.cfg.Capture != CaptureAfter || w.draining || !w.claimCapture(fn) {
		return
	}
	if w.wanted.Len() >= w.cfg.Functions.Count {
		w.capturesSkipped++ // no more snapshots than these can be kept
		fn.capturing = false
		return
	}
	fn.refs++
	fn.wanted = w.wanted.add(fn, lang, code, took)
	if !w.capturer {
		w.capturer = true
		w.goroutines.Add(1)
		go w.captureAll()
	}
}

func (w *Worker) captureAll() {
	defer w.goroutines.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.awaitQuiet(); ; w.awaitQuiet() {
		job := w.wanted.next()
		if job == nil {
			break
		}
		job.fn.wanted = nil
		if job.fn.forgotten || w.closed {
			job.fn.capturing = false
		} else {
			w.mu.Unlock()
			s, err := w.captureFresh(job)
			w.captured(job.fn, s, err) // gives the claim up: from then on it may be another's
			w.mu.Lock()
		}
		w.unref(job.fn)
	}
	w.capturer = false
}

// Bounds of the wait for a quiet moment: so captures of functions that are called all
// the time take a tenth of a processor at most.
const (
	patienceOfImports = 10 // times as long as the import takes
	mostPatience      = 5 * time.Second
)

// awaitQuiet returns when the first of the captures that are wanted is to be taken:
// when no invocation runs or ran within the time that the import takes, when waiting
// has lasted many times as long, or when a second invocation has missed the snapshot.
// w.mu is held, and released meanwhile.
func (w *Worker) awaitQuiet() {
	for begin := time.Now(); w.life.Err() == nil; {
		job := w.wanted.first()
		if job == nil || job.misses > 1 || w.inflight == 0 && w.clock()-w.ran >= int64(job.took) {
			return
		}
		waited, patience := time.Since(begin), min(patienceOfImports*job.took, mostPatience)
		if waited >= patience {
			return
		}
		w.mu.Unlock()
		select {
		case <-w.life.Done():
		case <-time.After(min(patience-waited, max(job.took/4, time.Millisecond))):
		}
		w.mu.Lock()
	}
}

// yieldFor bounds for how long an import for a capture leaves the processors to
// invocations: on a host whose processors are taken for good it would never end.
const yieldFor = 5 * time.Second

// captureFresh imports the code into a sandbox that never ran anything and
// captures that. The sandbox is beyond Config.Sandboxes: there is one at a
// time.
//
// The import runs beside invocations and must not slow them down. Where a second
// invocation has missed the snapshot already, waiting costs more.
func (w *Worker) captureFresh(job *wanted) (isolation.Snapshot, error) {
	ctx, cancel := context.WithTimeout(w.life, w.cfg.BootTimeout+w.cfg.ImportTimeout)
	defer cancel()
	sb, err := w.freshSandbox(ctx, job)
	if err != nil {
		return nil, err
	}
	defer func() { w.report("close a sandbox", sb.Close()) }()
	if y, ok := sb.(isolation.Yielder); ok && job.misses == 1 {
		defer yield(y)()
	}
	if err := sb.Import(ctx, job.code); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return w.snapshotter.Capture(ctx, sb)
}

// yield has a sandbox yield for yieldFor, or until the function that it returns is
// called.
func yield(y isolation.Yielder) (end func()) {
	if y.Yield(true) != nil {
		return func() {} // the host does not let the sandbox yield
	}
	// A sandbox that ended meanwhile has nothing to come back to.
	stop := sync.OnceFunc(func() { _ = y.Yield(false) })
	timer := time.AfterFunc(yieldFor, stop)
	return func() {
		timer.Stop()
		stop()
	}
}

func (w *Worker) freshSandbox(ctx context.Context, job *wanted) (isolation.Sandbox, error) {
	if !w.usesBase() {
		return w.backend.Boot(ctx, isolation.BootSpec{Interpreter: job.lang.Interpreter, Environment: w.cfg.Environment,
			Limits: job.code.Limits})
	}
	base, _, err := w.baseOf(job.lang)
	if err != nil {
		return nil, err
	}
	return w.snapshotter.Deploy(ctx, base, deploySpec(&job.code))
}
