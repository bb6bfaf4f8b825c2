// Package worker runs invocations on one isolation backend, by the cheapest
// path that it has (see [Path]):
//
//	hot    an idle sandbox of the function takes the event
//	warm   a snapshot of the function is deployed and takes the event
//	cold   a booted runtime (deployed from its snapshot, or a stem cell) imports the code first
//	boot   the runtime is booted before that
//
// A worker keeps idle sandboxes and function snapshots in caches that are
// bounded by number and by memory, snapshots of booted runtimes, and stem cells
// (started runtimes that wait for any function). [Config] says how much of
// each, and thereby which paths there are: an experiment that wants one path
// configures the others away. A backend that takes no snapshots has no warm
// path, and its worker never reports one.
//
//	w, err := worker.New(worker.Config{StemCells: 2}, backend, interpreters)
//	defer w.Close()
//	err = w.Ready(ctx) // runtime snapshots and stem cells are there
//	res, err := w.Invoke(ctx, worker.Request{Runtime: "nodejs20.x", Function: fn, Invocation: inv})
//	fmt.Println(res.Path, res.Outcome, res.Stages.Run)
//
// What a function does wrong is data in the [Response], failures of its import
// included. An error means that the platform could not run it.
//
// # Places
//
// At most Config.Sandboxes sandboxes have a place at a time. When another is
// needed, the one that was idle longest gives up its place and is closed in the
// background; an invocation waits only when none is idle, or when closing does
// not keep up (Config.Closing). Waiting invocations are served in order of arrival,
// except that a sandbox goes to the next invocation of its own function a few
// times before it is closed for another function.
//
// # Processors
//
// While more calls than processors are under way and the calls are short, the
// threads of the worker's process do not preempt sandboxes (SCHED_BATCH, see
// oversubscription.go), unless Config.Batch is off.
//
// # What it is not
//
// The worker decides how an invocation runs and not whether it may: the limits
// of concurrency and the queues that are fair between functions are package
// dispatch's. It knows functions by what a [Request] says of them; code is
// kept by the store.
package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Worker runs invocations on one backend. Its methods may be called from any
// number of goroutines.
//
// There is one lock, mu. It is held for a few list operations at a time, twice
// for a hot invocation, and never while the worker waits, logs, or calls the
// backend, a sandbox or a snapshot (Snapshot.Size apart, which is a figure).
type Worker struct {
	cfg         Config
	backend     isolation.Backend
	snapshotter isolation.Snapshotter // nil where the backend takes no snapshots
	languages   map[string]*language
	born        time.Time // zero of the worker's clock
	refillDelay time.Duration

	life       context.Context // ended by Close
	kill       context.CancelFunc
	goroutines sync.WaitGroup // the worker's goroutines

	samples chan *instance
	errors  atomic.Uint64

	mu       sync.Mutex // guards what follows, and all languages, functions, instances and snapshots
	draining bool       // nothing new is accepted
	closed   bool       // nothing new is kept
	inflight int
	ran      int64         // when the last invocation ended that reached a sandbox, on the worker's clock
	changed  chan struct{} // closed by signal; nil while nobody listens

	functions map[string]*function // by ARN
	known     int                  // functions in the map

	open      int            // places taken: sandboxes that start, serve or are kept
	closing   int            // sandboxes that are being closed
	serving   list[instance] // those that start or serve
	idle      list[instance] // most recently used first
	paused    list[instance] // idle for longer than PauseAfter; all of them longer than those in idle
	idleBytes int64
	waiting   list[waiter] // by arrival
	snaps     list[snapshot]
	snapBytes int64

	closeQueue []closeEntry
	closers    int
	closeErrs  []error
	wanted     captureQueue
	capturer   bool
	starters   int

	invocations                [4]uint64 // by pathIndex
	idleEvictions, idleExpired uint64
	snapEvictions, discarded   uint64
	captures, capturesSkipped  uint64
}

// New returns a worker that runs functions of the given runtimes. The caller
// keeps the backend and closes it after the worker.
func New(cfg Config, backend isolation.Backend, interpreters []isolation.Interpreter) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	stems := cfg.StemCells * len(interpreters)
	if cfg.Sandboxes > 0 && stems > cfg.Sandboxes {
		return nil, fmt.Errorf("worker: stem_cells is %d for each of %d runtimes: that is more than sandboxes, %d",
			cfg.StemCells, len(interpreters), cfg.Sandboxes)
	}
	if limiter, ok := backend.(isolation.Limiter); ok && cfg.MemoryPerCPU > 0 {
		if err := limiter.CanLimit(isolation.Limits{CPUs: 1}); err != nil {
			return nil,
				fmt.Errorf("worker: memory_per_cpu is %v, and this backend cannot limit CPU here: %w; leave "+
					"memory_per_cpu out, or use another backend", cfg.MemoryPerCPU, err)
		}
	}
	if cfg.Sandboxes == 0 {
		cfg.Sandboxes = max(cfg.Resolved(backend).Sandboxes, 2*stems)
	}
	cfg = cfg.Resolved(backend)
	w := &Worker{
		cfg: cfg, backend: backend, born: time.Now(), refillDelay: refillDelay,
		languages: map[string]*language{}, functions: map[string]*function{},
		samples: make(chan *instance, sampleQueue),
	}
	w.snapshotter, _ = backend.(isolation.Snapshotter)
	for _, in := range interpreters {
		w.languages[in.Runtime] = &language{Interpreter: in}
	}
	w.life, w.kill = context.WithCancel(context.Background())
	w.goroutines.Add(2)
	go w.janitor()
	go w.sampleAll()
	if cfg.Batch != BatchOff {
		w.goroutines.Add(1)
		go w.watchOversubscription()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.usesBase() && !cfg.Runtimes.AtFirstUse {
		for _, lang := range w.languages {
			w.captureBase(lang)
		}
	}
	w.refill()
	return w, nil
}

// Ready returns when the runtime snapshots and all stem cells exist that New starts
// in the background. The error names the one that could not be started.
func (w *Worker) Ready(ctx context.Context) error {
	return w.until(ctx, func() (bool, error) {
		if w.draining {
			return false, ErrClosed
		}
		for _, lang := range w.languages {
			if w.usesBase() && !w.cfg.Runtimes.AtFirstUse && lang.base == nil {
				return false, lang.baseErr
			}
			if lang.stems.n < w.cfg.StemCells {
				return false, lang.stemErr
			}
		}
		return true, nil
	})
}

// Drain refuses new invocations and returns when those that run have ended, or
// with ctx's error.
func (w *Worker) Drain(ctx context.Context) error {
	w.mu.Lock()
	w.refuse()
	w.mu.Unlock()
	return w.until(ctx, func() (bool, error) { return w.inflight == 0, nil })
}

// refuse ends every wait for a place and accepts no further invocation. w.mu is
// held.
func (w *Worker) refuse() {
	w.draining = true
	for wt := w.waiting.first(); wt != nil; wt = w.waiting.first() {
		w.answer(wt, nil, ErrClosed)
	}
	w.signal()
}

// Close ends everything, running invocations included, and returns when all
// sandboxes and snapshots are closed. Invocations that it ends get ErrClosed. A
// second Close waits for the first.
func (w *Worker) Close() error {
	w.mu.Lock()
	w.refuse()
	w.closed = true
	w.kill()
	for _, l := range []*list[instance]{&w.idle, &w.paused, &w.serving} {
		l.each(func(inst *instance) {
			if inst.sb != nil { // else its starter sees that the worker is closed
				w.retire(inst)
			}
		})
	}
	for _, lang := range w.languages {
		lang.stems.each(w.retire)
	}
	for sn := w.snaps.last(); sn != nil; sn = w.snaps.last() {
		w.dropSnapshot(sn)
	}
	w.mu.Unlock()
	err := w.until(context.Background(), func() (bool, error) { return w.inflight == 0, nil })
	w.goroutines.Wait()
	return errors.Join(append(w.closeBases(), err)...)
}

// closeBases closes the runtime snapshots, which nothing deploys any more, and
// returns all errors since Close was called.
func (w *Worker) closeBases() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, lang := range w.languages {
		if lang.base != nil {
			w.closeErrs = append(w.closeErrs, lang.base.Close())
			lang.base = nil
		}
	}
	return w.closeErrs
}

// until waits for a condition that signal announces changes of. done is called
// with w.mu held.
func (w *Worker) until(ctx context.Context, done func() (bool, error)) error {
	for {
		w.mu.Lock()
		ok, err := done()
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signal has every until check its condition again. w.mu is held.
func (w *Worker) signal() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// clock is the time since New in nanoseconds.
func (w *Worker) clock() int64 { return int64(time.Since(w.born)) }

// report logs and counts a failure outside of an invocation; nil is none.
// w.mu is not held.
func (w *Worker) report(what string, err error) {
	if err == nil || w.life.Err() != nil && errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) {
		return
	}
	w.errors.Add(1)
	w.cfg.Log.Warn("worker: "+what+" failed", "backend", w.backend.Name(), "error", err)
}
