package host

import (
	"fmt"
	"os"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Meter tells how much memory a set of sandboxes takes, from the best source there is:
// the sandboxes' own cgroups, where the backend makes some; else the run's memory
// cgroup; else the backend's own readings, which are PSS.
type Meter struct {
	Source string // as records name it

	group  *MemoryGroup // nil: the sandboxes' own readings
	before int64        // usage of the group before the first sandbox
	sum    int64        // of the sandboxes' own readings so far
	n      int          // sandboxes in sum
}

// NewMeter makes a meter for sandboxes like first, which is running and is not counted.
// The group may be nil.
func NewMeter(group *MemoryGroup, first isolation.Sandbox) (*Meter, error) {
	u, err := first.Usage()
	if err != nil {
		return nil, fmt.Errorf("usage of the first instance: %w", err)
	}
	if group != nil && !strings.HasPrefix(u.Source, "cgroup") {
		before, err := group.Usage()
		return &Meter{Source: group.source(), group: group, before: before}, err
	}
	return &Meter{Source: u.Source}, nil
}

// Quick reports whether a reading takes the same short time for any number of sandboxes.
func (m *Meter) Quick() bool { return m.group != nil }

// Rough reads the memory of the live sandboxes quickly: where only the sandboxes
// themselves tell, the newest one alone is read and counted for all new ones.
func (m *Meter) Rough(live []isolation.Sandbox) (int64, error) {
	if m.group != nil {
		now, err := m.group.Usage()
		return now - m.before, err
	}
	if n := len(live); n > m.n {
		u, err := live[n-1].Usage()
		if err != nil {
			return 0, fmt.Errorf("usage of an instance: %w", err)
		}
		m.sum, m.n = m.sum+u.MemoryBytes*int64(n-m.n), n
	}
	return m.sum, nil
}

// All reads the memory of the live sandboxes, each of them anew: proportional shares
// shrink while the number of sandboxes grows.
func (m *Meter) All(live []isolation.Sandbox) (int64, error) {
	if m.group != nil {
		return m.Rough(live)
	}
	var sum int64
	for _, sb := range live {
		u, err := sb.Usage()
		if err != nil {
			return 0, fmt.Errorf("usage of an instance: %w", err)
		}
		sum += u.MemoryBytes
	}
	m.sum, m.n = sum, len(live)
	return sum, nil
}

// Resident is the resident memory of this process in bytes, VmRSS of proc(5)
// /proc/self/status; 0 where the host does not tell.
func Resident() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return atoi(strings.TrimSpace(rest)) << 10
		}
	}
	return 0
}
