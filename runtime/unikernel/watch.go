package unikernel

import (
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// A UC's own kernel bounds what its guest may have. A hostile guest need not ask
// it: it can write anywhere in its region. So what is resident is watched too,
// with room for what the kernel does not charge: stacks of threads, and its own
// tables.

const (
	watchEvery  = 100 * time.Millisecond
	watchAtOnce = 256 // UCs, so that this takes some hundredth of a processor
	watchMargin = 128 << 20
)

// most is how many bytes may be resident of a UC with a limit.
func most(limit int64) int64 { return limit + limit/2 + watchMargin }

// watchMemory is the goroutine that ends UCs that are too large; Close waits for
// it.
func (b *Backend) watchMemory() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for at := 0; ; {
		select {
		case <-tick.C:
		case <-b.done:
			return
		}
		some, first := b.stretch(at, watchAtOnce)
		at = first + len(some)
		for n, watched := range limited(some) {
			for _, s := range n.larger(watched) {
				s.endTooLarge()
			}
		}
	}
}

// watched is one UC that is looked at, as its node knows it.
type watched struct {
	*sandbox
	id    uint32
	limit int64
}

// limited are those that are awake and have a limit, by their nodes.
func limited(some []*sandbox) map[*node][]watched {
	all := map[*node][]watched{}
	for _, s := range some {
		if !s.resting.TryRLock() {
			continue
		}
		s.mu.Lock()
		if limit := s.limits.MemoryBytes; s.asleep == nil && !s.closed && limit > 0 {
			all[s.uc.node] = append(all[s.uc.node], watched{s, s.uc.id, limit})
		}
		s.mu.Unlock()
		s.resting.RUnlock()
	}
	return all
}

// larger are those of which more is resident than may be.
func (n *node) larger(all []watched) (over []*sandbox) {
	// A node that is gone has no UCs either.
	_, _, _ = n.askWith(order{op: opWatch, a: uint64(len(all))}, func(scratch []byte) {
		for i, w := range all {
			le.PutUint32(scratch[i*watchedSize:], w.id)
			le.PutUint32(scratch[i*watchedSize+4:], uint32(most(w.limit)/abi.PageSize))
		}
	}, func(r reply) error {
		large := map[uint32]bool{}
		for i := range min(int(r.n), len(all)) {
			large[le.Uint32(n.scratch[i*watchedSize:])] = true
		}
		for _, w := range all {
			if large[w.id] {
				over = append(over, w.sandbox)
			}
		}
		return nil
	})
	return over
}

// endTooLarge ends the UC as one that its own kernel refused memory, if it is
// still there.
func (s *sandbox) endTooLarge() {
	s.resting.RLock()
	defer s.resting.RUnlock()
	if s.hibernated() != nil {
		return
	}
	s.mu.Lock()
	limit := s.limits.MemoryBytes
	s.mu.Unlock()
	why := fmt.Sprintf("more than %d MB are resident, where %d MB are the limit", most(limit)>>20, limit>>20)
	s.channel.end.CompareAndSwap(nil, &exitNote{code: abi.ExitMemory, why: why})
	s.kill()
}
