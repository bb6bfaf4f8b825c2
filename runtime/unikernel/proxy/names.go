package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

const (
	portDNS     = 53
	nameTimeout = 5 * time.Second
	nameTTL     = 30
	maxNames    = 4096
)

// datagram answers questions for names and drops everything else, as a network
// may.
func (p *Proxy) datagram(id uint32, payload []byte) {
	server, question, err := abi.ParseAddr(payload)
	if err != nil || server.Port() != portDNS {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.questions >= maxQuestions {
		return
	}
	p.questions++
	question = slices.Clone(question)
	p.work.Go(func() {
		defer func() {
			p.mu.Lock()
			p.questions--
			p.mu.Unlock()
		}()
		reply, err := p.resolve(question)
		if err != nil {
			return // the guest's resolver asks again, or gives up
		}
		reply = append(abi.AppendAddr(nil, server), reply...)
		_ = p.send(abi.Msg{Type: abi.Dgram, ID: id, Len: uint32(len(reply))}, reply) // or it is gone
	})
}

// resolve answers one DNS message with the host's resolver.
func (p *Proxy) resolve(msg []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	head, err := parser.Start(msg)
	if err != nil {
		return nil, err
	}
	q, err := parser.Question()
	if err != nil {
		return nil, err
	}
	out := dnsmessage.Header{ID: head.ID, Response: true, RecursionDesired: head.RecursionDesired,
		RecursionAvailable: true}
	var addrs []netip.Addr
	switch {
	case q.Class != dnsmessage.ClassINET || !p.rules.resolves(q.Name.String()):
		out.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA || q.Type == dnsmessage.TypeAAAA:
		addrs, out.RCode = p.lookUp(canonical(q.Name.String()), q.Type == dnsmessage.TypeA)
	}
	b := dnsmessage.NewBuilder(nil, out)
	b.EnableCompression()
	if err := errors.Join(b.StartQuestions(), b.Question(q), b.StartAnswers()); err != nil {
		return nil, err
	}
	for _, a := range addrs {
		h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: nameTTL}
		if a.Is4() {
			err = b.AResource(h, dnsmessage.AResource{A: a.As4()})
		} else {
			err = b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// lookUp asks the host's resolver, and remembers under which name the guest
// learnt an address.
func (p *Proxy) lookUp(name string, four bool) ([]netip.Addr, dnsmessage.RCode) {
	ctx, cancel := context.WithTimeout(p.ctx, nameTimeout)
	defer cancel()
	network := "ip6"
	if four {
		network = "ip4"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, network, name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, dnsmessage.RCodeNameError
	}
	if err != nil {
		var unknown *net.AddrError // the name has addresses of the other family only
		if errors.As(err, &unknown) {
			return nil, dnsmessage.RCodeSuccess
		}
		return nil, dnsmessage.RCodeServerFailure
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []netip.Addr
	for _, a := range found {
		a = a.Unmap().WithZone("")
		if inner(a) && !p.rules.address(netip.AddrPortFrom(a, 0)) {
			continue
		}
		if len(p.names) < maxNames && !slices.Contains(p.names[a], name) {
			p.names[a] = append(p.names[a], name)
		}
		out = append(out, a)
	}
	return out, dnsmessage.RCodeSuccess
}
