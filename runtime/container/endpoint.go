package container

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// endpoint is one container's network namespace and its place on the bridge.
// No name keeps the namespace: it lives while the container or this process
// has it, and the veth pair with it.
type endpoint struct {
	bridge *bridge
	addr   netip.Addr
	name   string // of the host's end
	ns     netns.NsHandle
	inside *netlink.Handle // works in the namespace from any thread
	once   sync.Once
}

// newEndpoint makes the namespace, which takes a fraction of a millisecond.
// attach does the rest, while the container is being made.
func (br *bridge) newEndpoint() (*endpoint, error) {
	addr, name, err := br.acquire()
	if err != nil {
		return nil, err
	}
	e := &endpoint{bridge: br, addr: addr, name: name, ns: netns.None()}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread is in the new namespace and ends with the goroutine
		if unix.Gettid() == os.Getpid() {
			// The main thread would stay: use another while this one is held.
			taken := make(chan error)
			go func() { runtime.LockOSThread(); taken <- e.unshare() }()
			err := <-taken
			runtime.UnlockOSThread()
			made <- err
			return
		}
		made <- e.unshare()
	}()
	if err := <-made; err != nil {
		return nil, errors.Join(fmt.Errorf("make network namespace: %w", err), e.close())
	}
	return e, nil
}

// unshare moves the calling thread into a new network namespace and sets up
// what lies in it.
func (e *endpoint) unshare() (err error) {
	if e.ns, err = netns.New(); err != nil {
		return err
	}
	if e.inside, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return err
	}
	// As Docker does: every new neighbour would otherwise announce itself to
	// all others on the bridge. A kernel without IPv6 has no such file.
	for _, which := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	lo, err := e.inside.LinkByName("lo")
	if err != nil {
		return err
	}
	return e.inside.LinkSetUp(lo)
}

// path names the namespace for an OCI runtime that this process starts.
func (e *endpoint) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), int(e.ns)) }

// attach joins the namespace to the bridge.
func (e *endpoint) attach() error {
	if err := e.join(); err != nil {
		return fmt.Errorf("attach %s to bridge %s: %w", e.addr, e.bridge.name, err)
	}
	return nil
}

func (e *endpoint) join() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex, attrs.Flags = e.name, e.bridge.index, net.FlagUp
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: "eth0", PeerHardwareAddr: hardwareAddr(e.addr), PeerNamespace: netlink.NsFd(e.ns),
	}
	if err := e.bridge.host.LinkAdd(veth); err != nil {
		return explainFull(err)
	}
	eth, err := e.inside.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := e.inside.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(e.addr)}); err != nil {
		return err
	}
	if err := e.inside.LinkSetUp(eth); err != nil {
		return err
	}
	return e.inside.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: e.bridge.gateway.AsSlice()})
}

func explainFull(err error) error {
	if errors.Is(err, unix.EXFULL) {
		return fmt.Errorf("%w: a bridge has at most %d ports; use fewer containers, or --%s none",
			err, MaxOnBridge, NetworkFlag)
	}
	return err
}

// close gives up the namespace and the address.
func (e *endpoint) close() (err error) {
	e.once.Do(func() {
		if e.inside != nil {
			e.inside.Close()
		}
		if e.ns.IsOpen() {
			err = e.ns.Close()
		}
		e.bridge.release(e.addr)
	})
	return err
}

// readyEndpoints keeps a number of attached endpoints for the next containers.
type readyEndpoints struct {
	made chan *endpoint
	stop chan struct{}
	done chan struct{}
}

func keepReady(br *bridge, n int) *readyEndpoints {
	r := &readyEndpoints{made: make(chan *endpoint, n-1), stop: make(chan struct{}), done: make(chan struct{})}
	go r.fill(br)
	return r
}

// fill ends at the first failure: containers then make their own, and meet it.
func (r *readyEndpoints) fill(br *bridge) {
	defer close(r.done)
	defer close(r.made)
	for {
		e, err := br.newEndpoint()
		if err != nil {
			return
		}
		if e.attach() != nil {
			e.close()
			return
		}
		select {
		case r.made <- e:
		case <-r.stop:
			e.close()
			return
		}
	}
}

// get returns one that is ready, or nil.
func (r *readyEndpoints) get() *endpoint {
	if r == nil {
		return nil
	}
	select {
	case e := <-r.made:
		return e
	default:
		return nil
	}
}

func (r *readyEndpoints) close() {
	close(r.stop)
	<-r.done
	for e := range r.made {
		e.close()
	}
}
