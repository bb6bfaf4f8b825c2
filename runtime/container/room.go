package container

import (
	"context"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// footprint of an idle container, in bytes: what one of Node.js takes of its
// own (results/reference, table 'Density').
const footprint = 8 << 20

// Footprint implements runtime.Footprinter.
func (b *Backend) Footprint() int64 { return footprint }

// Bounds implements runtime.Bounded.
func (b *Backend) Bounds() []runtime.Bound {
	all := []runtime.Bound{{Sandboxes: b.cfg.Max, By: "that is the configured limit"}}
	if b.cfg.Network == NetworkBridge {
		all = append(all, runtime.Bound{Sandboxes: MaxOnBridge, By: "a bridge has no more ports", Remedy: "those without a network need none (--" + NetworkFlag + " none)"})
	}
	return all
}

// bears is how many containers the memory at hand bears: the default of
// Config.Max. Where the host does not say what is available, 64.
func bears() int {
	m, err := cgroup.ReadMemory(context.Background())
	if err != nil {
		return 64
	}
	return runtime.Bears(m.Available, footprint)
}
