package worker

import "github.com/lambdabench/lambdabench/runtime/isolation"

// Stats is a worker's state at one moment, and its counters.
type Stats struct {
	// Sandboxes by what they do now.
	Starting  int // booting, being deployed or importing
	Busy      int // serving an invocation
	Idle      int
	StemCells int // ready; those that are being started count as Starting
	Closing   int // being closed
	Waiting   int // invocations that wait for a place

	// Caches. Memory of idle sandboxes is sampled in the background; one that
	// was not sampled yet counts as the average of its runtime.
	Functions         int   // functions that the worker holds anything of
	IdleBytes         int64 // memory of the idle sandboxes
	FunctionSnapshots int
	SnapshotBytes     int64 // page diffs of the function snapshots
	RuntimeSnapshots  int
	RuntimeBytes      int64 // pages of the runtime snapshots

	// Counters since New.
	Invocations       map[Path]uint64 // that reached the handler or failed to import; paths not taken are left out
	IdleEvictions     uint64          // idle sandboxes closed to make room
	IdleExpired       uint64          // idle sandboxes closed after KeepAlive
	SnapshotEvictions uint64          // function snapshots given up to make room
	Discarded         uint64          // sandboxes closed after a failure
	Captures          uint64          // function snapshots taken
	CapturesSkipped   uint64          // not taken, because too many were wanted at a time
	BackgroundErrors  uint64          // failures outside of invocations; Config.Log has them

	Helpers []isolation.Helper // processes of the backend, by kind; nil where it is no isolation.Supervisor
}

// Stats returns the worker's state. It holds the lock for as long as it takes
// to count the sandboxes that serve.
func (w *Worker) Stats() Stats {
	helpers := w.helpers() // asks the backend, so not under the lock
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Stats{
		Idle: w.idle.n + w.paused.n, Closing: w.closing, Waiting: w.waiting.n,
		Functions: w.known, IdleBytes: w.idleBytes,
		FunctionSnapshots: w.snaps.n, SnapshotBytes: w.snapBytes,
		Invocations:   map[Path]uint64{},
		IdleEvictions: w.idleEvictions, IdleExpired: w.idleExpired,
		SnapshotEvictions: w.snapEvictions, Discarded: w.discarded,
		Captures: w.captures, CapturesSkipped: w.capturesSkipped,
		BackgroundErrors: w.errors.Load(),
		Helpers:          helpers,
	}
	for i, p := range Paths {
		if n := w.invocations[i]; n > 0 {
			s.Invocations[p] = n
		}
	}
	w.serving.each(func(inst *instance) {
		if inst.state == starting {
			s.Starting++
		} else {
			s.Busy++
		}
	})
	for _, lang := range w.languages {
		s.StemCells += lang.stems.n
		if lang.base != nil {
			s.RuntimeSnapshots++
			s.RuntimeBytes += lang.base.Size()
		}
	}
	return s
}
