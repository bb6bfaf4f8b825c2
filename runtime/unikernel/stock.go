package unikernel

import (
	"errors"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// stock are the blanks of a node that wait for an order. A renewed blank serves
// the account that it served before and no other; a fork serves any. The blank
// that was renewed last goes first: its pages are in the processors' caches.
type stock struct {
	mu     sync.Mutex
	blanks []blank // forks first, then in the order of their renewal
	keeps  int     // how many there should be
	shares map[string]*share
	common share // of blanks that serve any account
	closed bool
}

// share is what one account has of a stock.
type share struct {
	held    int
	returns int // renewed blanks that came and need no replacement by forks
}

// share needs s.mu.
func (s *stock) share(t tenancy) *share {
	if !t.ran {
		return &s.common
	}
	sh := s.shares[t.account]
	if sh == nil {
		if s.shares == nil {
			s.shares = map[string]*share{}
		}
		if len(s.shares) > 2*roomFor(s.keeps) { // accounts that have no blank any more
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

func (s *stock) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.blanks)
}

// roomFor is how many blanks may be in stock: twice what is kept ready, since UCs
// come back in bursts, and what is turned away ends and has to be forked again.
// Where none are kept, there is room for one that was renewed.
func roomFor(keeps int) int { return max(2*keeps, 1) }

// serves reports whether a blank is there for a tenant.
func (s *stock) serves(t tenancy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(t) >= 0
}

// find is the place of the blank that goes next for a tenant, -1 for none. It
// needs s.mu.
func (s *stock) find(t tenancy) int {
	for k := len(s.blanks) - 1; k >= 0; k-- {
		if s.blanks[k].ran.fits(t) {
			return k
		}
	}
	return -1
}

// take gives the blank that was renewed last of those that serve a tenant.
func (s *stock) take(t tenancy) (uc blank, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(t)
	if k < 0 {
		return blank{}, false
	}
	return s.remove(k), true
}

// remove needs s.mu.
func (s *stock) remove(k int) blank {
	uc := s.blanks[k]
	s.blanks = slices.Delete(s.blanks, k, k+1)
	s.share(uc.ran).held--
	return uc
}

// victim is the place of the blank that goes where one too many is of a tenant: the
// oldest of the account that has most. It is -1 if no account has more than the
// tenant. It needs s.mu.
func (s *stock) victim(t tenancy, held int) int {
	most := held
	for _, sh := range s.shares {
		most = max(most, sh.held)
	}
	if most == held {
		return -1
	}
	return slices.IndexFunc(s.blanks, func(b blank) bool { return b.ran.ran && s.share(b.ran).held == most })
}

// admits reports whether a renewed blank of a tenant would stay.
func (s *stock) admits(t tenancy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && (len(s.blanks) < roomFor(s.keeps) || s.victim(t, s.share(t).held) >= 0)
}

// put takes a blank in. If one has to go for it, perhaps the blank itself, it
// is returned.
func (s *stock) put(uc blank) (surplus blank, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.share(uc.ran)
	if s.closed {
		return uc, true
	}
	if len(s.blanks) >= roomFor(s.keeps) {
		held := sh.held
		if !uc.renewed() {
			held = 0 // a fork is for those who have nothing
		}
		k := s.victim(uc.ran, held)
		if k < 0 {
			return uc, true
		}
		surplus, over = s.remove(k), true
	}
	sh.held++
	if !uc.renewed() {
		s.blanks = slices.Insert(s.blanks, 0, uc)
		return surplus, over
	}
	s.blanks = append(s.blanks, uc)
	sh.returns = min(sh.returns+1, roomFor(s.keeps))
	return surplus, over
}

// low reports whether one more should be forked after a tenant took one: if few
// are left for the tenant, unless its UCs come back as fast as they are taken. A
// fork would then crowd out one that was renewed, which is cheaper.
func (s *stock) low(t tenancy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, left := s.share(t), len(s.blanks)
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

// expect says that so many blanks will come back that ran no function of anyone.
func (s *stock) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.common.returns = n
}

// close returns what was in stock; nothing comes in any more.
func (s *stock) close() []blank {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.blanks
	s.blanks, s.closed = nil, true
	return left
}

// take gives a blank for an order of a tenant: from stock, or a fork. One that
// was renewed has carried the order out already.
func (n *node) take(r *runOrder, t tenancy) (blank, error) {
	for {
		uc, ok := n.stock.take(t)
		if !ok {
			return n.fork()
		}
		if hungUp(uc.fd) {
			n.replaceSpares(uc)
			continue
		}
		if !uc.renewed() {
			return uc, nil
		}
		switch err := n.refill(uc, r); {
		case err == nil:
			return uc, nil
		case errors.Is(err, unix.E2BIG): // for any that was renewed
			n.keep(uc)
			return n.fork()
		}
		n.discard(uc)
	}
}

// replaceSpares discards blanks whose processes ended while they were in stock,
// and forks others in their place. One that could not be forked is not replaced:
// the next fork would fail alike.
func (n *node) replaceSpares(ended ...blank) {
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

// checkStock replaces the blanks in stock whose processes ended.
func (n *node) checkStock() {
	if ended := n.stock.takeEnded(); len(ended) > 0 {
		n.replaceSpares(ended...)
	}
}

// takeEnded takes those blanks out of stock.
func (s *stock) takeEnded() (ended []blank) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := len(s.blanks) - 1; k >= 0; k-- {
		if hungUp(s.blanks[k].fd) {
			ended = append(ended, s.remove(k))
		}
	}
	return ended
}

// restock asks for one more blank if the stock runs low for a tenant. A failure
// shows at the next take.
func (n *node) restock(t tenancy) {
	if !n.stock.low(t) {
		return
	}
	if uc, err := n.fork(); err == nil {
		n.keep(uc)
	}
}

// fill makes the node's stock.
func (n *node) fill(blanks int) {
	n.stock.keeps = blanks
	for range blanks {
		if uc, err := n.fork(); err == nil {
			n.keep(uc)
		}
	}
}

// keep puts a blank into stock; one too many ends.
func (n *node) keep(uc blank) {
	if surplus, over := n.stock.put(uc); over {
		n.discard(surplus)
	}
}

func (n *node) discard(uc blank) {
	n.forget(uc.id)
	unix.Close(uc.fd)
}
