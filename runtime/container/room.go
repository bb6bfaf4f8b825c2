package container

import (
	"context"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// footprint of an idle container, in bytes: what one of Node.js takes of its
// own (results/reference, table 'Density').
const footprint = 8 << 20

// bears is how many containers the memory at hand bears: the default of
// Config.Max. Where the host does not say what is available, 64.
func bears() int {
	m, err := cgroup.ReadMemory(context.Background())
	if err != nil {
		return 64
	}
	return isolation.Bears(m.Available, footprint)
}
