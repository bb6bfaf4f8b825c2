package zygote

import (
	"slices"
	"sync"

	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
)

// pool are the spares of a zygote. A process that was reset serves the account
// that it served before and no other; a fork serves any. The process that was reset
// last goes first: its pages are in the processors' caches.
type pool struct {
	mu     sync.Mutex
	spares []Child           // forks first, then in the order of their reset; guarded by mu
	size   int               // how many there should be; set before the zygote is used
	shares map[string]*share // by account; guarded by mu
	common share             // of spares that serve any account; guarded by mu
	closed bool              // guarded by mu
}

// share is what one account has of a pool.
type share struct {
	held     int
	returned int // reset processes that came back and need no replacement by forks
}

// share needs p.mu.
func (p *pool) share(t Tenancy) *share {
	if !t.Ran {
		return &p.common
	}
	sh := p.shares[t.Account]
	if sh == nil {
		if p.shares == nil {
			p.shares = map[string]*share{}
		}
		if len(p.shares) > 2*RoomFor(p.size) { // accounts that have no spare any more
			for account, other := range p.shares {
				if other.held == 0 {
					delete(p.shares, account)
				}
			}
		}
		sh = &share{}
		p.shares[t.Account] = sh
	}
	return sh
}

func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.spares)
}

// RoomFor is how many spares a pool of a size may hold: twice its size, since UCs
// come back in bursts, and a process that is turned away ends and has to be forked
// again. A pool of size 0 holds one process that was reset.
func RoomFor(size int) int { return max(2*size, 1) }

// serves reports whether a spare is there for a tenant.
func (p *pool) serves(t Tenancy) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.find(t) >= 0
}

// find is the place of the spare that goes next for a tenant, -1 for none. It
// needs p.mu.
func (p *pool) find(t Tenancy) int {
	for k := len(p.spares) - 1; k >= 0; k-- {
		if p.spares[k].Ran.Fits(t) {
			return k
		}
	}
	return -1
}

// get gives the spare that was reset last of those that serve a tenant.
func (p *pool) get(t Tenancy) (c Child, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.find(t)
	if k < 0 {
		return Child{}, false
	}
	return p.remove(k), true
}

// remove needs p.mu.
func (p *pool) remove(k int) Child {
	c := p.spares[k]
	p.spares = slices.Delete(p.spares, k, k+1)
	p.share(c.Ran).held--
	return c
}

// victim is the place of the spare that goes where one too many is of a tenant: the
// oldest of the account that has most. It is -1 if no account has more than the
// tenant. It needs p.mu.
func (p *pool) victim(held int) int {
	most := held
	for _, sh := range p.shares {
		most = max(most, sh.held)
	}
	if most == held {
		return -1
	}
	return slices.IndexFunc(p.spares, func(c Child) bool { return c.Ran.Ran && p.share(c.Ran).held == most })
}

// admits reports whether a reset process of a tenant would stay.
func (p *pool) admits(t Tenancy) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed && (len(p.spares) < RoomFor(p.size) || p.victim(p.share(t).held) >= 0)
}

// put takes a spare in. If one has to go for it, perhaps the spare itself, it is
// returned.
func (p *pool) put(c Child) (surplus Child, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sh := p.share(c.Ran)
	if p.closed {
		return c, true
	}
	if len(p.spares) >= RoomFor(p.size) {
		held := sh.held
		if !c.WasReset() {
			held = 0 // a fork is for accounts that have nothing
		}
		k := p.victim(held)
		if k < 0 {
			return c, true
		}
		surplus, over = p.remove(k), true
	}
	sh.held++
	if !c.WasReset() {
		p.spares = slices.Insert(p.spares, 0, c)
		return surplus, over
	}
	p.spares = append(p.spares, c)
	sh.returned = min(sh.returned+1, RoomFor(p.size))
	return surplus, over
}

// demand reports whether one more spare should be forked after a tenant got one:
// if few are left for the tenant, unless its UCs come back as fast as they go. A
// fork would then displace a process that was reset, which is cheaper.
func (p *pool) demand(t Tenancy) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	sh, left := p.share(t), len(p.spares)
	if t.Ran {
		left = p.common.held + sh.held
	}
	if 2*left >= p.size {
		return false
	}
	sh.returned--
	if sh.returned >= 0 {
		return false
	}
	sh.returned = 0
	return true
}

// willReturn says that n spares come back that ran no function of any account.
func (p *pool) willReturn(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.common.returned = n
}

// removeEnded removes the spares whose processes ended.
func (p *pool) removeEnded() (ended []Child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := len(p.spares) - 1; k >= 0; k-- {
		if guest.HungUp(p.spares[k].FD) {
			ended = append(ended, p.remove(k))
		}
	}
	return ended
}

// close returns what was in the pool; nothing comes in any more.
func (p *pool) close() []Child {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.spares
	p.spares, p.closed = nil, true
	return left
}
