// Package proxy is the network of a unikernel context: outbound TCP and names,
// for what an allow list names and nothing else. The guest speaks in messages
// (abi/uc.h); it never has a socket of the host.
//
//	rules, err := proxy.ParseRules([]string{"api.example.com:443"})
//	p := proxy.New(rules, channel.send)
//	p.Handle(msg, payload) // for every network message of the guest
//	p.Close()
//
// There are no inbound connections and no datagrams but questions for names.
package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// Bounds of one guest.
const (
	maxConns     = 512
	maxQuestions = 32
	dialTimeout  = 30 * time.Second
)

// Proxy serves one guest. Handle is called by one goroutine at a time, and
// never waits.
type Proxy struct {
	rules *Rules
	send  func(abi.Msg, []byte) error

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu        sync.Mutex
	closed    bool // guarded by mu, as all below
	conns     map[uint32]*conn
	questions int
	names     map[netip.Addr][]string // under which names the guest was told an address

	out       sync.Mutex // taken last, with mu or a connection's lock held
	answers   []abi.Msg  // guarded by out, as all below
	answering bool       // sendAnswers runs
	mute      bool       // Close waits for sendAnswers: no other is to start
}

// New makes the network of a guest that is reached by send, which may be
// called from several goroutines.
func New(rules *Rules, send func(abi.Msg, []byte) error) *Proxy {
	ctx, cancel := context.WithCancel(context.Background())
	return &Proxy{rules: rules, send: send, ctx: ctx, cancel: cancel, conns: map[uint32]*conn{},
		names: map[netip.Addr][]string{}}
}

// Close ends all connections and waits for their goroutines.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	conns := make([]*conn, 0, len(p.conns))
	for _, c := range p.conns {
		conns = append(conns, c)
	}
	p.mu.Unlock()
	p.out.Lock()
	p.mute = true
	p.out.Unlock()
	p.cancel()
	for _, c := range conns {
		c.end()
	}
	p.work.Wait()
}

// Handle takes a message of the guest. A malformed one costs the guest the
// connection that it names.
func (p *Proxy) Handle(m abi.Msg, payload []byte) {
	switch m.Type {
	case abi.Open:
		p.open(m.ID, payload)
	case abi.Dgram:
		p.datagram(m.ID, payload)
	default:
		p.mu.Lock()
		c := p.conns[m.ID]
		p.mu.Unlock()
		if c != nil {
			c.handle(m, payload)
		}
	}
}

func (p *Proxy) open(id uint32, payload []byte) {
	to, _, err := abi.ParseAddr(payload)
	if err != nil {
		p.refuse(id, syscall.EINVAL)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
	case p.conns[id] != nil:
		p.refuse(id, syscall.EALREADY)
	case len(p.conns) >= maxConns:
		p.refuse(id, syscall.EMFILE)
	case !p.allowed(to):
		// As a firewall does: loopback has nobody listening, the rest is forbidden.
		if inner(to.Addr()) {
			p.refuse(id, syscall.ECONNREFUSED)
		} else {
			p.refuse(id, syscall.EACCES)
		}
	default:
		c := newConn(p, id)
		p.conns[id] = c
		p.work.Go(func() { c.run(to) })
	}
}

// allowed needs p.mu.
func (p *Proxy) allowed(to netip.AddrPort) bool {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if p.rules.address(to) {
		return true
	}
	for _, name := range p.names[to.Addr()] {
		if p.rules.named(name, to) {
			return true
		}
	}
	return false
}

// refuse answers an Open.
func (p *Proxy) refuse(id uint32, why syscall.Errno) {
	p.answer(abi.Msg{Type: abi.Opened, ID: id, Arg: uint32(why)})
}

func (p *Proxy) forget(id uint32, c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[id] == c {
		delete(p.conns, id)
	}
}

// errnoOf is the errno that a guest is told for an error of the host.
func errnoOf(err error) syscall.Errno {
	var e syscall.Errno
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return syscall.ETIMEDOUT
	}
	return syscall.ECONNABORTED
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
