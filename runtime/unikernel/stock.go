package unikernel

import (
	"errors"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// stock are the blanks of a node that wait for an order. The one that was
// renewed last goes first: its pages are in the processors' caches.
type stock struct {
	mu      sync.Mutex
	blanks  []blank
	keeps   int // how many there should be
	returns int // renewed blanks that came and need no replacement by forks
	closed  bool
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

func (s *stock) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.blanks) >= roomFor(s.keeps)
}

func (s *stock) take() (uc blank, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := len(s.blanks) - 1
	if k < 0 {
		return blank{}, false
	}
	uc, s.blanks = s.blanks[k], s.blanks[:k]
	return uc, true
}

// put reports whether there was room.
func (s *stock) put(uc blank) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || len(s.blanks) >= roomFor(s.keeps):
		return false
	case !uc.renewed():
		s.blanks = slices.Insert(s.blanks, 0, uc)
	default:
		s.blanks = append(s.blanks, uc)
		s.returns = min(s.returns+1, roomFor(s.keeps))
	}
	return true
}

// low reports whether one more should be forked: if few are left, unless UCs
// come back as fast as they are taken. A fresh one would then crowd out one that
// was renewed, which is cheaper.
func (s *stock) low() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if 2*len(s.blanks) >= s.keeps {
		return false
	}
	s.returns--
	if s.returns >= 0 {
		return false
	}
	s.returns = 0
	return true
}

// expect says that so many blanks will come back.
func (s *stock) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.returns = n
}

// close returns what was in stock; nothing comes in any more.
func (s *stock) close() []blank {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.blanks
	s.blanks, s.closed = nil, true
	return left
}

// take gives a blank for an order: from stock, or a fresh one. One that served
// before has carried the order out already.
func (n *node) take(r *runOrder) (blank, error) {
	for {
		uc, ok := n.stock.take()
		if !ok {
			return n.fork()
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

// restock asks for one more blank if the stock runs low. A failure shows at the
// next take.
func (n *node) restock() {
	if !n.stock.low() {
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
	if !n.stock.put(uc) {
		n.discard(uc)
	}
}

func (n *node) discard(uc blank) {
	n.forget(uc.id)
	unix.Close(uc.fd)
}
