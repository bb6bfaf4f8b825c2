package worker

import "github.com/lambdabench/lambdabench/runtime/isolation"

// snapshot is a function snapshot in the cache.
type snapshot struct {
	isolation.Snapshot
	fn      *function // a snapshot refers to its function
	size    int64     // of its page diff, in bytes
	users   int32     // deployments under way: it is closed after the last
	dropped bool
	place   links[snapshot] // in Worker.snaps, most recently used first
}

// useSnapshot pins the function's snapshot for one deployment. w.mu is held.
func (w *Worker) useSnapshot(fn *function) *snapshot {
	sn := fn.snap
	sn.users++
	w.snaps.remove(&sn.place)
	w.snaps.pushFront(&sn.place, sn)
	return sn
}

// releaseSnapshot ends a deployment. A snapshot that could not be deployed leaves the
// cache, so that the next invocation imports the code again.
func (w *Worker) releaseSnapshot(sn *snapshot, deployed error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sn.users--
	switch {
	case deployed != nil && !sn.dropped:
		w.dropSnapshot(sn)
	case sn.dropped && sn.users == 0:
		w.closeLater(sn.Snapshot, false)
	}
}

// dropSnapshot takes a snapshot out of the cache. w.mu is held.
func (w *Worker) dropSnapshot(sn *snapshot) {
	w.snaps.remove(&sn.place)
	w.snapBytes -= sn.size
	sn.dropped = true
	sn.fn.snap = nil
	w.unref(sn.fn)
	if sn.users == 0 {
		w.closeLater(sn.Snapshot, false)
	}
}

// store puts a function's new snapshot into the cache, unless the function was
// forgotten in the meantime. w.mu is held.
func (w *Worker) store(fn *function, s isolation.Snapshot) {
	w.captures++
	if fn.forgotten || fn.snap != nil || w.closed {
		w.closeLater(s, false)
		return
	}
	sn := &snapshot{Snapshot: s, fn: fn, size: s.Size()}
	fn.snap = sn
	fn.refs++
	w.snaps.pushFront(&sn.place, sn)
	w.snapBytes += sn.size
	for w.snaps.n > w.cfg.Functions.Count || w.snapBytes > int64(w.cfg.Functions.Bytes) {
		w.snapEvictions++
		w.dropSnapshot(w.snaps.last())
	}
}
