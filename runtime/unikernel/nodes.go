package unikernel

import (
	"math/rand/v2"
	goruntime "runtime"
	"sync/atomic"
)

// blanksPerNode is the least that is worth a node.
const blanksPerNode = 4

// nodes are those that hold one snapshot mapped, one like the other. A node
// carries out one order at a time, and every UC is some half a millisecond of
// orders, so a base snapshot has one for each processor.
type nodes []*node

// pick is a node with the most blanks in stock.
func (ns nodes) pick() *node {
	first := rand.IntN(len(ns))
	best := ns[first]
	for i := 1; i < len(ns); i++ {
		if n := ns[(first+i)%len(ns)]; len(n.stock) > len(best.stock) {
			best = n
		}
	}
	return best
}

func (ns nodes) close() {
	for _, n := range ns {
		n.close()
	}
}

// nodesRef is a snapshot's nodes, none before it has some.
type nodesRef struct{ p atomic.Pointer[nodes] }

func (r *nodesRef) load() nodes {
	if ns := r.p.Load(); ns != nil {
		return *ns
	}
	return nil
}

func (r *nodesRef) store(ns nodes) { r.p.Store(&ns) }

// stock is how many blanks the nodes of a snapshot have between them.
func (b *Backend) stock() int {
	switch {
	case b.cfg.Stock < 0:
		return 0
	case b.cfg.Stock == 0:
		return min(max(8, blanksPerNode*goruntime.GOMAXPROCS(0)), 32)
	}
	return b.cfg.Stock
}

// growBase makes the nodes of a base snapshot.
func (b *Backend) growBase(s *snap, stock int) (nodes, error) {
	count := max(1, min(goruntime.GOMAXPROCS(0), stock/blanksPerNode))
	var all nodes
	for range count {
		n, err := b.growBaseNode(s)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, n)
		n.fill((stock + count - 1) / count)
	}
	return all, nil
}
