package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// MaxOnBridge is how many containers a bridge bears: the kernel numbers its
// ports with 10 bits (net/bridge/br_private.h, BR_PORT_BITS), port 0 is none.
// The paper's Docker met the same bound.
const MaxOnBridge = 1<<10 - 1

// pool is where subnets are taken from, one of subnetBits for each backend.
var pool = netip.MustParsePrefix("10.214.0.0/16")

const subnetBits = 21 // 2,046 addresses: one is reused late, when no one remembers it

// bridge joins the containers of one backend with each other and the host.
type bridge struct {
	name    string
	index   int
	subnet  netip.Prefix
	gateway netip.Addr
	host    *netlink.Handle

	mu     sync.Mutex
	free   []netip.Addr // the first is the one that was free longest; guarded by mu
	serial int          // of the last veth pair; guarded by mu
}

func (in *instance) bridgeName() string { return "lbr" + in.id }

// openBridge makes the bridge of an instance.
func openBridge(in *instance) (*bridge, error) {
	host, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	br := &bridge{name: in.bridgeName(), host: host}
	unlock, err := lock(in.parent) // two backends must not choose one subnet
	if err != nil {
		host.Close()
		return nil, err
	}
	defer unlock()
	if err = br.chooseSubnet(); err == nil {
		err = br.create()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make bridge %s: %w", br.name, err), br.close())
	}
	return br, nil
}

// chooseSubnet takes the first of the pool that no route of the host covers.
func (br *bridge) chooseSubnet() error {
	routes, err := br.host.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	taken := func(p netip.Prefix) bool {
		for _, r := range routes {
			if r.Dst == nil {
				continue
			}
			addr, _ := netip.AddrFromSlice(r.Dst.IP.To4())
			if ones, _ := r.Dst.Mask.Size(); ones > 0 && netip.PrefixFrom(addr, ones).Overlaps(p) {
				return true
			}
		}
		return false
	}
	for at := pool.Addr(); pool.Contains(at); at = add(at, 1<<(32-subnetBits)) {
		p := netip.PrefixFrom(at, subnetBits)
		if taken(p) {
			continue
		}
		br.subnet, br.gateway = p, at.Next()
		for a := br.gateway.Next(); p.Contains(a.Next()); a = a.Next() { // but for the broadcast address
			br.free = append(br.free, a)
		}
		return nil
	}
	return fmt.Errorf("the host's routes leave no /%d of %s free", subnetBits, pool)
}

func add(a netip.Addr, n uint32) netip.Addr {
	b := a.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+n)
	return netip.AddrFrom4(b)
}

func (br *bridge) create() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = br.name, hardwareAddr(br.gateway) // its own, or it changes with each port
	link := &netlink.Bridge{LinkAttrs: attrs}
	if err := br.host.LinkAdd(link); err != nil {
		return err
	}
	br.index = link.Index
	if err := br.host.AddrAdd(link, &netlink.Addr{IPNet: ipNet(br.gateway)}); err != nil {
		return err
	}
	return br.host.LinkSetUp(link)
}

func ipNet(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(subnetBits, 32)}
}

// hardwareAddr follows the address, as Docker's does, so that a neighbour's
// stale entry for an address that is used again stays right.
func hardwareAddr(a netip.Addr) net.HardwareAddr {
	return append(net.HardwareAddr{0x02, 0x42}, a.AsSlice()...)
}

// acquire hands out an address and a name for the host's end of a veth pair.
func (br *bridge) acquire() (netip.Addr, string, error) {
	br.mu.Lock()
	defer br.mu.Unlock()
	if len(br.free) == 0 {
		return netip.Addr{}, "", fmt.Errorf("no address of %s is free", br.subnet)
	}
	a := br.free[0]
	br.free = br.free[1:]
	br.serial++
	return a, fmt.Sprintf("lv%s%x", br.name[len("lbr"):], br.serial&0xffffff), nil
}

func (br *bridge) release(a netip.Addr) {
	br.mu.Lock()
	br.free = append(br.free, a)
	br.mu.Unlock()
}

// close removes the bridge once the kernel has removed the namespaces of
// containers that ended, and the veth pairs with them.
func (br *bridge) close() error {
	defer br.host.Close()
	if br.index == 0 {
		return nil
	}
	for wait := 200; wait > 0 && br.ports() > 0; wait-- {
		time.Sleep(10 * time.Millisecond)
	}
	return removeBridge(br.name)
}

func (br *bridge) ports() (n int) {
	links, err := br.host.LinkList()
	if err != nil {
		return 0
	}
	for _, l := range links {
		if l.Attrs().MasterIndex == br.index {
			n++
		}
	}
	return n
}

// removeBridge removes a bridge and what is still attached to it.
func removeBridge(name string) error {
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find bridge %s: %w", name, err)
	}
	if links, err := netlink.LinkList(); err == nil {
		for _, l := range links {
			if l.Attrs().MasterIndex == link.Attrs().Index {
				_ = netlink.LinkDel(l) // the kernel may be at it already
			}
		}
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove bridge %s: %w", name, err)
	}
	return nil
}
