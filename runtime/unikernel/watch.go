package unikernel

import (
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// A UC's own kernel bounds what its guest may have. A hostile guest need not ask
// it: it can write anywhere in its region. So what is resident is watched too.
// A UC may have an eighth more than its limit, and headroom for what no book has:
// compiled code, and memory that was given back in small pieces. One that has
// more is asked what its kernel does not charge. A guest can lie about that, so
// what it says counts up to most alone.

const (
	watchEvery    = 100 * time.Millisecond
	watchAtOnce   = 256 // UCs, so that this takes some hundredth of a processor
	watchHeadroom = 32 << 20
	watchMargin   = 128 << 20
)

// fair is how many bytes may be resident of a UC with a limit that says nothing
// of itself.
func fair(limit int64) int64 { return limit + limit/8 + watchHeadroom }

// most is how many may be, whatever it says.
func most(limit int64) int64 { return limit + limit/2 + watchMargin }

// bound is how many bytes may be resident of a UC by what its kernel says.
func (s *sandbox) bound(limit int64) int64 {
	page, err := s.peek(abi.State, abi.StateSize)
	if err != nil {
		return most(limit) // it is about to end, or its zygote is
	}
	here, err := abi.ParseState(page)
	if err != nil {
		return fair(limit)
	}
	// Copies that lie in the runtime snapshot are shared, and not resident here.
	more := here.Uncharged - s.parent.uncharged()
	return min(fair(limit)+max(more, 0), most(limit))
}

// uncharged is what the kernel of a UC did not charge when its runtime snapshot
// was taken. A UC that was booted has none.
func (s *snap) uncharged() int64 {
	for ; s != nil; s = s.parent {
		for _, e := range s.layer.Extents {
			if vpn := uint32(abi.State / abi.PageSize); s.layer.File != nil && vpn-e.VPN < e.Pages {
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
		for n, all := range limited(some) {
			suspects := n.larger(all)
			for i := range suspects {
				suspects[i].most = suspects[i].ask()
			}
			for _, w := range n.larger(suspects) {
				w.endTooLarge(w.most, w.limit)
			}
		}
	}
}

// watched is one UC that is looked at, as its zygote knows it.
type watched struct {
	*sandbox
	id    uint32
	limit int64
	most  int64 // bytes that may be resident
}

// ask is what may be resident by the word of the UC, if it still has its process.
func (w watched) ask() int64 {
	if !w.resting.TryRLock() {
		return most(w.limit)
	}
	defer w.resting.RUnlock()
	if w.hibernated() != nil || w.uc.id != w.id {
		return most(w.limit)
	}
	return w.bound(w.limit)
}

// limited are those that are awake and have a limit, by their zygotes.
func limited(some []*sandbox) map[*zygote][]watched {
	all := map[*zygote][]watched{}
	for _, s := range some {
		if !s.resting.TryRLock() {
			continue
		}
		s.mu.Lock()
		if limit := s.limits.MemoryBytes; s.asleep == nil && !s.closed && limit > 0 {
			all[s.uc.zygote] = append(all[s.uc.zygote], watched{s, s.uc.id, limit, fair(limit)})
		}
		s.mu.Unlock()
		s.resting.RUnlock()
	}
	return all
}

// larger are those of which more is resident than may be.
func (n *zygote) larger(all []watched) (over []watched) {
	if len(all) == 0 {
		return nil
	}
	// A zygote that is gone has no UCs either.
	_, _, _ = n.askWith(order{op: opWatch, a: uint64(len(all))}, func(scratch []byte) {
		for i, w := range all {
			le.PutUint32(scratch[i*watchedSize:], w.id)
			le.PutUint32(scratch[i*watchedSize+4:], uint32(w.most/abi.PageSize))
		}
	}, func(r reply) error {
		large := map[uint32]bool{}
		for i := range min(int(r.n), len(all)) {
			large[le.Uint32(n.scratch[i*watchedSize:])] = true
		}
		for _, w := range all {
			if large[w.id] {
				over = append(over, w)
			}
		}
		return nil
	})
	return over
}

// endTooLarge ends the UC as one that its own kernel refused memory, if it is
// still there.
func (s *sandbox) endTooLarge(most, limit int64) {
	s.resting.RLock()
	defer s.resting.RUnlock()
	if s.hibernated() != nil {
		return
	}
	why := fmt.Sprintf("more than %d MB are resident, where %d MB are the limit", most>>20, limit>>20)
	s.channel.end.CompareAndSwap(nil, &exitNote{code: abi.ExitMemory, why: why})
	s.kill()
}
