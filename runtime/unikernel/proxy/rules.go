package proxy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Rules say what a guest may reach. The zero value, and nil, allow nothing.
type Rules struct {
	names []nameRule
	nets  []netRule
}

type nameRule struct {
	name     string // lower case, no final dot
	wildcard bool   // any name below it
	port     uint16 // 0: any
}

type netRule struct {
	prefix netip.Prefix
	port   uint16
}

// ParseRules reads an allow list. An entry is host:port, where host is a name
// ("api.example.com"), all names below one ("*.example.com"), an address
// ("192.0.2.1", "[2001:db8::1]") or a network ("10.1.0.0/16"), and port a
// number or "*". Loopback, link-local and unspecified addresses are reached
// only by an entry that is such an address; a name never leads there.
func ParseRules(entries []string) (*Rules, error) {
	r := new(Rules)
	for _, e := range entries {
		if err := r.add(e); err != nil {
			return nil, fmt.Errorf("allow list: %q: %w", e, err)
		}
	}
	return r, nil
}

func (r *Rules) add(entry string) error {
	at := strings.LastIndexByte(entry, ':')
	if at < 0 {
		return fmt.Errorf("no port; write %q for every port", entry+":*")
	}
	host, portText := strings.Trim(entry[:at], "[]"), entry[at+1:]
	port := uint64(0)
	if portText != "*" {
		var err error
		if port, err = strconv.ParseUint(portText, 10, 16); err != nil || port == 0 {
			return fmt.Errorf("%q is no port", portText)
		}
	}
	if prefix, err := netip.ParsePrefix(host); err == nil {
		r.nets = append(r.nets, netRule{prefix.Masked(), uint16(port)})
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		r.nets = append(r.nets, netRule{netip.PrefixFrom(addr, addr.BitLen()), uint16(port)})
		return nil
	}
	name, wildcard := strings.CutPrefix(canonical(host), "*.")
	if name == "" || strings.ContainsAny(name, "*/:[] \t") {
		return fmt.Errorf("%q is neither a name, an address nor a network", host)
	}
	r.names = append(r.names, nameRule{name, wildcard, uint16(port)})
	return nil
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// resolves reports whether a name is in the list, with any port.
func (r *Rules) resolves(name string) bool {
	if r == nil {
		return false
	}
	for _, n := range r.names {
		if n.covers(canonical(name)) {
			return true
		}
	}
	return false
}

func (n nameRule) covers(name string) bool {
	if n.wildcard {
		return strings.HasSuffix(name, "."+n.name)
	}
	return name == n.name
}

// address reports whether an address is in the list itself.
func (r *Rules) address(to netip.AddrPort) bool {
	if r == nil {
		return false
	}
	for _, n := range r.nets {
		if (n.port == 0 || n.port == to.Port()) && n.prefix.Contains(to.Addr()) &&
			(n.prefix.IsSingleIP() || !inner(to.Addr())) {
			return true
		}
	}
	return false
}

// named reports whether a port of a host that was resolved by name is in the
// list.
func (r *Rules) named(name string, to netip.AddrPort) bool {
	if r == nil || inner(to.Addr()) {
		return false
	}
	for _, n := range r.names {
		if (n.port == 0 || n.port == to.Port()) && n.covers(name) {
			return true
		}
	}
	return false
}

// inner addresses are the platform's own host and its surroundings.
func inner(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast()
}
