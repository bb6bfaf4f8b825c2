package isolation

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// Supervisor is a Backend that owns helper processes: it notices their end and
// starts replacements.
type Supervisor interface {
	// Health is nil while the backend can start sandboxes. Otherwise the error
	// says in one sentence what is broken. Health reports known state; it does not
	// wait for a process.
	Health(ctx context.Context) error

	// Helpers returns one entry for each kind of process that the backend owns.
	Helpers() []Helper
}

// Helper counts the processes of one kind: "root", "zygote", "spare",
// "sandbox", "init".
type Helper struct {
	Kind     string
	Lost     uint64 // ended, or were ended for not answering, without the backend's wish
	Replaced uint64 // started in place of lost ones; not for sandboxes, which the next calls start
}

// HelperCounts counts lost and replaced processes by kind. The zero value is
// ready; its methods may be called from any goroutine.
type HelperCounts struct {
	mu     sync.Mutex
	counts map[string]Helper
}

// Lost adds n lost processes of a kind.
func (c *HelperCounts) Lost(kind string, n int) { c.add(kind, n, 0) }

// Replaced adds n replacements of a kind.
func (c *HelperCounts) Replaced(kind string, n int) { c.add(kind, 0, n) }

func (c *HelperCounts) add(kind string, lost, replaced int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]Helper{}
	}
	h := c.counts[kind]
	h.Kind, h.Lost, h.Replaced = kind, h.Lost+uint64(lost), h.Replaced+uint64(replaced)
	c.counts[kind] = h
}

// List returns the counts of the named kinds, zero counts included, and of every
// other kind that was counted, sorted by kind.
func (c *HelperCounts) List(kinds ...string) []Helper {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Helper
	for _, kind := range kinds {
		if _, ok := c.counts[kind]; !ok {
			all = append(all, Helper{Kind: kind})
		}
	}
	for _, h := range c.counts {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b Helper) int { return cmp.Compare(a.Kind, b.Kind) })
	return all
}
