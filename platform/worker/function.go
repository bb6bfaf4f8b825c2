package worker

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// identity names what a sandbox or a snapshot was made for.
type identity struct{ arn, version, revision string }

func identify(req *Request) identity {
	return identity{req.FunctionID(), req.Function.Version, req.Revision}
}

// function is what the worker holds of one revision of a function. It exists
// while something refers to it, so functions that merely passed by cost
// nothing. With 65,536 of them in the snapshot cache its size matters.
type function struct {
	identity
	sibling   *function // another version or revision under the same ARN
	refs      int32     // invocations, sandboxes, the snapshot, a capture
	capturing bool
	wanted    *wanted // its snapshot is to be taken; nil otherwise
	stream    string  // see streamOf
	forgotten bool    // out of the map: nothing more may be kept for it

	idle    list[instance] // most recently used first
	waiters *list[waiter]  // nil while none ever waited
	snap    *snapshot
}

// lookup returns the function and refers to it. w.mu is held.
func (w *Worker) lookup(id identity) *function {
	head := w.functions[id.arn]
	for fn := head; fn != nil; fn = fn.sibling {
		if fn.version == id.version && fn.revision == id.revision {
			fn.refs++
			return fn
		}
	}
	fn := &function{identity: id, refs: 1, sibling: head}
	w.functions[id.arn] = fn
	w.known++
	return fn
}

// streamOf names the log stream of a function's revision, as AWS names those of
// execution environments. All sandboxes of a revision have one name: what is
// cloned of one that imported the code has its environment. w.mu is held.
func streamOf(fn *function, version string) string {
	if fn.stream == "" {
		var random [16]byte
		rand.Read(random[:]) // never fails (crypto/rand)
		fn.stream = time.Now().UTC().Format("2006/01/02") + "/[" + version + "]" + hex.EncodeToString(random[:])
	}
	return fn.stream
}

// unref gives up one reference. w.mu is held.
func (w *Worker) unref(fn *function) {
	if fn.refs--; fn.refs == 0 && !fn.forgotten {
		w.unlink(fn)
	}
}

func (w *Worker) unlink(fn *function) {
	w.known--
	head := w.functions[fn.arn]
	if head == fn {
		if fn.sibling == nil {
			delete(w.functions, fn.arn)
		} else {
			w.functions[fn.arn] = fn.sibling
		}
		return
	}
	for f := head; f != nil; f = f.sibling {
		if f.sibling == fn {
			f.sibling = fn.sibling
			return
		}
	}
}

// Forget drops the idle sandboxes and snapshots of a version of a function
// (see Request.FunctionID), because its code was updated or deleted; version ""
// means all versions. Invocations that run finish, and leave nothing.
//
// Request.Revision alone keeps old code from being used: Forget only frees the
// memory early.
func (w *Worker) Forget(arn, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for fn := w.functions[arn]; fn != nil; {
		next := fn.sibling
		if version == "" || fn.version == version {
			w.forget(fn)
		}
		fn = next
	}
	w.grant()
}

func (w *Worker) forget(fn *function) {
	w.unlink(fn)
	fn.forgotten = true
	for inst := fn.idle.first(); inst != nil; inst = fn.idle.first() {
		w.retire(inst)
	}
	if fn.snap != nil {
		w.dropSnapshot(fn.snap)
	}
}
