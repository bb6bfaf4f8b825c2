package bench

import (
	"fmt"
	"os"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// meter says what a set of instances takes, from the best source there is:
// the instances' own cgroups, where the backend gives them some; else the
// run's memory cgroup; else what the backend reports, which is PSS.
type meter struct {
	source string
	group  *memoryGroup // nil: the instances' own readings
	before int64        // the group's usage before the first instance
	sum    int64        // of the own readings so far
	n      int          // instances in sum
}

func newMeter(env *Env, first isolation.Sandbox) (*meter, error) {
	u, err := first.Usage()
	if err != nil {
		return nil, fmt.Errorf("usage of the first instance: %w", err)
	}
	if g := env.shared.memory; g != nil && !strings.HasPrefix(u.Source, "cgroup") {
		before, err := g.usage()
		return &meter{source: g.source(), group: g, before: before}, err
	}
	return &meter{source: u.Source}, nil
}

// rough is a quick reading while n instances live, last of them in last.
func (m *meter) rough(last []instance, n int) (int64, error) {
	if m.group != nil {
		now, err := m.group.usage()
		return now - m.before, err
	}
	if n > m.n && len(last) > 0 {
		u, err := last[0].Usage()
		if err != nil {
			return 0, fmt.Errorf("usage of an instance: %w", err)
		}
		m.sum, m.n = m.sum+u.MemoryBytes*int64(n-m.n), n
	}
	return m.sum, nil
}

// all is what the instances take now, each looked at anew: proportional shares
// shrink while their number grows.
func (m *meter) all(live []instance) (int64, error) {
	if m.group != nil {
		return m.rough(nil, len(live))
	}
	var sum int64
	for _, in := range live {
		u, err := in.Usage()
		if err != nil {
			return 0, fmt.Errorf("usage of an instance: %w", err)
		}
		sum += u.MemoryBytes
	}
	return sum, nil
}

// residentMemory is this process's, from proc(5) /proc/self/status, in bytes.
func residentMemory() int64 {
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
