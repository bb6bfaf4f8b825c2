package unikernel

import (
	goruntime "runtime"
	"sync/atomic"
)

// blanksPerNode is the least that is worth a node.
const blanksPerNode = 4

// nodes are those that hold one snapshot mapped, one like the other. A node
// carries out one order at a time, and every UC is some half a millisecond of
// orders, so a base snapshot has one for each processor.
type nodes []*node

// pick is the node with the fewest orders under way, of those that need not
// fork for a tenant: the first, if nothing happens, so that its memory stays in
// the processors' caches.
func (ns nodes) pick(t tenancy) *node {
	weight := func(n *node) int32 {
		w := n.orders.Load()
		if !n.stock.serves(t) {
			w += 1 << 16
		}
		return w
	}
	best, least := ns[0], weight(ns[0])
	for _, n := range ns[1:] {
		if w := weight(n); w < least {
			best, least = n, w
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
