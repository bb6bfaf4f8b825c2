package container

import "fmt"

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
