package unikernel

import (
	"errors"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// pool are the spares of a zygote that wait for an order. A reset spare serves
// the account that it served before and no other; a fork serves any. The spare
// that was reset last goes first: its pages are in the processors' caches.
type pool struct {
	mu     sync.Mutex
	spares []spare // forks first, then in the order of their reset
	keeps  int     // how many there should be
	shares map[string]*share
	common share // of spares that serve any account
	closed bool
}

// share is what one account has of a pool.
type share struct {
	held    int
	returns int // reset spares that came and need no replacement by forks
}

// share needs s.mu.
func (s *pool) share(t tenancy) *share {
	if !t.ran {
		return &s.common
	}
	sh := s.shares[t.account]
	if sh == nil {
		if s.shares == nil {
			s.shares = map[string]*share{}
		}
		if len(s.shares) > 2*roomFor(s.keeps) { // accounts that have no spare any more
			for account, other := range s.shares {
				if other.held == 0 {
					delete(s.shares, account)
				}
			}
		}
		sh = &share{}
		s.shares[t.account] = sh
	}
	return sh
}

func (s *pool) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spares)
}

// roomFor is how many spares may be in the pool: twice what is kept ready, since UCs
// come back in bursts, and what is turned away ends and has to be forked again.
// Where none are kept, there is room for one that was reset.
func roomFor(keeps int) int { return max(2*keeps, 1) }

// serves reports whether a spare is there for a tenant.
func (s *pool) serves(t tenancy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(t) >= 0
}

// find is the place of the spare that goes next for a tenant, -1 for none. It
// needs s.mu.
func (s *pool) find(t tenancy) int {
	for k := len(s.spares) - 1; k >= 0; k-- {
		if s.spares[k].ran.fits(t) {
			return k
		}
	}
	return -1
}

// take gives the spare that was reset last of those that serve a tenant.
func (s *pool) take(t tenancy) (uc spare, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(t)
	if k < 0 {
		return spare{}, false
	}
	return s.remove(k), true
}

// remove needs s.mu.
func (s *pool) remove(k int) spare {
	uc := s.spares[k]
	s.spares = slices.Delete(s.spares, k, k+1)
	s.share(uc.ran).held--
	return uc
}

// victim is the place of the spare that goes where one too many is of a tenant: the
// oldest of the account that has most. It is -1 if no account has more than the
// tenant. It needs s.mu.
func (s *pool) victim(t tenancy, held int) int {
	most := held
	for _, sh := range s.shares {
		most = max(most, sh.held)
	}
	if most == held {
		return -1
	}
	return slices.IndexFunc(s.spares, func(b spare) bool { return b.ran.ran && s.share(b.ran).held == most })
}

// admits reports whether a reset spare of a tenant would stay.
func (s *pool) admits(t tenancy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && (len(s.spares) < roomFor(s.keeps) || s.victim(t, s.share(t).held) >= 0)
}

// put takes a spare in. If one has to go for it, perhaps the spare itself, it
// is returned.
func (s *pool) put(uc spare) (surplus spare, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.share(uc.ran)
	if s.closed {
		return uc, true
	}
	if len(s.spares) >= roomFor(s.keeps) {
		held := sh.held
		if !uc.wasReset() {
			held = 0 // a fork is for those who have nothing
		}
		k := s.victim(uc.ran, held)
		if k < 0 {
			return uc, true
		}
		surplus, over = s.remove(k), true
	}
	sh.held++
	if !uc.wasReset() {
		s.spares = slices.Insert(s.spares, 0, uc)
		return surplus, over
	}
	s.spares = append(s.spares, uc)
	sh.returns = min(sh.returns+1, roomFor(s.keeps))
	return surplus, over
}

// low reports whether one more should be forked after a tenant took one: if few
// are left for the tenant, unless its UCs come back as fast as they are taken. A
// fork would then crowd out one that was reset, which is cheaper.
func (s *pool) low(t tenancy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, left := s.share(t), len(s.spares)
	if t.ran {
		left = s.common.held + sh.held
	}
	if 2*left >= s.keeps {
		return false
	}
	sh.returns--
	if sh.returns >= 0 {
		return false
	}
	sh.returns = 0
	return true
}

// expect says that so many spares will come back that ran no function of anyone.
func (s *pool) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.common.returns = n
}

// close returns what was in the pool; nothing comes in any more.
func (s *pool) close() []spare {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.spares
	s.spares, s.closed = nil, true
	return left
}

// take gives a spare for an order of a tenant: from the pool, or a fork. One that
// was reset has carried the order out already.
func (n *zygote) take(r *runOrder, t tenancy) (spare, error) {
	for {
		uc, ok := n.pool.take(t)
		if !ok {
			return n.fork()
		}
		if hungUp(uc.fd) {
			n.replaceSpares(uc)
			continue
		}
		if !uc.wasReset() {
			return uc, nil
		}
		switch err := n.reuse(uc, r); {
		case err == nil:
			return uc, nil
		case errors.Is(err, unix.E2BIG): // for any that was reset
			n.keep(uc)
			return n.fork()
		}
		n.discard(uc)
	}
}

// replaceSpares discards spares whose processes ended while they were in the pool,
// and forks others in their place. One that could not be forked is not replaced:
// the next fork would fail alike.
func (n *zygote) replaceSpares(ended ...spare) {
	lost := 0
	for _, uc := range ended {
		if note := nextNote(uc.fd); note == nil || note.code != abi.ExitUnborn {
			lost++
		}
		n.discard(uc)
	}
	if lost == 0 {
		return
	}
	n.super.lose(kindSpare, lost, errProcessEnded)
	made := 0
	for ; made < lost; made++ {
		uc, err := n.fork()
		if err != nil {
			break
		}
		n.keep(uc)
	}
	n.super.replace(kindSpare, made)
}

// checkPool replaces the spares in the pool whose processes ended.
func (n *zygote) checkPool() {
	if ended := n.pool.takeEnded(); len(ended) > 0 {
		n.replaceSpares(ended...)
	}
}

// takeEnded takes those spares out of the pool.
func (s *pool) takeEnded() (ended []spare) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := len(s.spares) - 1; k >= 0; k-- {
		if hungUp(s.spares[k].fd) {
			ended = append(ended, s.remove(k))
		}
	}
	return ended
}

// refillPool asks for one more spare if the pool runs low for a tenant. A failure
// shows at the next take.
func (n *zygote) refillPool(t tenancy) {
	if !n.pool.low(t) {
		return
	}
	if uc, err := n.fork(); err == nil {
		n.keep(uc)
	}
}

// fill makes the zygote's pool.
func (n *zygote) fill(spares int) {
	n.pool.keeps = spares
	for range spares {
		if uc, err := n.fork(); err == nil {
			n.keep(uc)
		}
	}
}

// keep puts a spare into the pool; one too many ends.
func (n *zygote) keep(uc spare) {
	if surplus, over := n.pool.put(uc); over {
		n.discard(surplus)
	}
}

func (n *zygote) discard(uc spare) {
	n.forget(uc.id)
	unix.Close(uc.fd)
}
