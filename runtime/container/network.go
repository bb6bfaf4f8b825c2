package container

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// Network is what a sandbox sees of the network.
type Network string

// The networks.
const (
	NetworkNone   Network = "none"   // a namespace with a loopback
	NetworkHost   Network = "host"   // the host's
	NetworkBridge Network = "bridge" // a namespace, joined to the host by a bridge
)

// NetworkFlag is the flag of the commands of lambdabench that sets
// Config.Network: remedies name it.
const NetworkFlag = "container-network"

// UnmarshalText implements encoding.TextUnmarshaler. Nothing is the default.
func (n *Network) UnmarshalText(text []byte) error {
	switch given := Network(text); given {
	case "", NetworkNone, NetworkHost, NetworkBridge:
		*n = given
		return nil
	}
	return fmt.Errorf("there is no network %q of containers: want none, host or bridge", text)
}

// MarshalText implements encoding.TextMarshaler.
func (n Network) MarshalText() ([]byte, error) { return []byte(n), nil }

const (
	// NetworkPooled is the name, for isolation.Networked, of a bridge with namespaces that
	// are kept ready (Config.NetworkPool).
	NetworkPooled = "pooled"

	pooledReady = 16 // namespaces of NetworkPooled
)

// Networks implements isolation.Networked.
func (b *Backend) Networks() []string {
	all := []string{string(NetworkNone), string(NetworkHost)}
	if os.Geteuid() == 0 && proc.HasCapability(unix.CAP_NET_ADMIN) {
		all = append(all, string(NetworkBridge), NetworkPooled)
	}
	return all
}

// OnNetwork implements isolation.Networked.
func (b *Backend) OnNetwork(name string) (isolation.Backend, error) {
	if !slices.Contains(b.Networks(), name) {
		return nil, b.oci.lacks("there is no network "+name+" for this user", "run as root with CAP_NET_ADMIN")
	}
	cfg := b.cfg
	cfg.Network, cfg.NetworkPool = Network(name), 0
	if name == NetworkPooled {
		cfg.Network, cfg.NetworkPool = NetworkBridge, pooledReady
	}
	return New(cfg), nil
}
