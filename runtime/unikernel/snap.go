package unikernel

import (
	"sync"
	"sync/atomic"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// snap is a snapshot: a layer of pages on that of its parent.
type snap struct {
	backend    *Backend
	in         isolation.Interpreter
	layer      *snapshot.Layer
	parent     *snap // nil for a runtime snapshot
	state      driver.State
	owner      zygote.Tenancy             // whose function was imported
	prefetch   snapshot.Plan              // the recorded working set of functions; of a runtime snapshot
	training   []string                   // the functions of its training runs (isolation.BootSpec)
	candidates *snapshot.Candidates       // of a runtime snapshot
	zygotes    atomic.Pointer[zygote.Set] // hold this snapshot mapped; none where deploys copy from the arena

	live     atomic.Int64 // processes that were deployed from it by copying
	recorded atomic.Bool  // the pages that a run writes are known, or being recorded

	refs   int  // of the user, of snapshots above and sandboxes; guarded by backend.mu
	closed bool // guarded by backend.mu

	naming  sync.Once
	name    snapshot.Sum // of its file
	nameErr error
}

// promotion is a snapshot that deserves a zygote, and the pages that a run of it
// writes.
type promotion struct {
	snap    *snap
	written []snapshot.Page
}

// Size implements isolation.Snapshot.
func (s *snap) Size() int64 { return s.layer.Size() }

// Parent implements isolation.Snapshot.
func (s *snap) Parent() isolation.Snapshot {
	if s.parent == nil {
		return nil
	}
	return s.parent
}

// Close implements isolation.Snapshot.
func (s *snap) Close() error {
	s.backend.mu.Lock()
	again := s.closed
	s.closed = true
	s.backend.mu.Unlock()
	if !again {
		s.backend.unref(s)
	}
	return nil
}

func (b *Backend) ref(s *snap) {
	b.mu.Lock()
	s.refs++
	b.mu.Unlock()
}

// unref gives one reference back. The last one takes the snapshot's memory, its
// zygotes and its reference to its parent with it.
func (b *Backend) unref(s *snap) {
	for s != nil {
		b.mu.Lock()
		s.refs--
		last := s.refs == 0
		if last {
			delete(b.holders, s)
		}
		b.mu.Unlock()
		if !last {
			return
		}
		if zs := s.holders(); zs != nil {
			zs.Close()
			if s.parent != nil {
				b.promoted.Add(-1)
			}
		}
		if s.candidates != nil {
			s.candidates.Close()
		}
		s.layer.Close()
		s = s.parent
	}
}

// holders are the zygotes that hold the snapshot mapped.
func (s *snap) holders() zygote.Set {
	if zs := s.zygotes.Load(); zs != nil {
		return *zs
	}
	return nil
}

// oversee has the supervisor look after the zygotes of a snapshot, until the
// snapshot's end.
func (b *Backend) oversee(s *snap, zs zygote.Set) {
	s.zygotes.Store(&zs)
	b.mu.Lock()
	b.holders[s] = struct{}{}
	b.mu.Unlock()
	b.losses.Wake() // a zygote may have died before the supervisor knew of it
}

// overseen needs b.mu.
func (b *Backend) overseen() (all []*snap) {
	for s := range b.holders {
		all = append(all, s)
	}
	return all
}

// pick is a live zygote that a deploy for a tenant may be forked from: of this
// snapshot, or else of one below.
func (s *snap) pick(t zygote.Tenancy) *zygote.Zygote {
	for ; s != nil; s = s.parent {
		if z := s.holders().Pick(t); z != nil {
			return z
		}
	}
	return nil
}

// uncharged is the memory that the kernel of a UC had not charged when its runtime
// snapshot was taken. A UC that was booted has no snapshot.
func (s *snap) uncharged() int64 {
	const vpn = uint32(abi.State / abi.PageSize)
	for ; s != nil; s = s.parent {
		for _, e := range s.layer.Extents {
			if s.layer.File != nil && vpn-e.VPN < e.Pages {
				page := make([]byte, abi.StateSize)
				_, err := s.layer.File.ReadAt(page, e.Off+int64(vpn-e.VPN)*abi.PageSize)
				if st, bad := abi.ParseState(page); err == nil && bad == nil {
					return st.Uncharged
				}
			}
		}
	}
	return 0
}
