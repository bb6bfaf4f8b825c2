package unikernel

import (
	"context"
	"os"
	"runtime"
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
// the processors' caches. It is nil where all are dead.
func (ns nodes) pick(t tenancy) (best *node) {
	least := int32(0)
	for _, n := range ns {
		if n.dead.Load() {
			continue
		}
		w := n.orders.Load()
		if !n.stock.serves(t) {
			w += 1 << 16
		}
		if best == nil || w < least {
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
		return min(max(8, blanksPerNode*runtime.GOMAXPROCS(0)), 32)
	}
	return b.cfg.Stock
}

// growBase makes the nodes of a base snapshot.
func (b *Backend) growBase(s *snap, stock int) (nodes, error) {
	ctx, cancel := context.WithTimeout(context.Background(), repairTime)
	defer cancel()
	l, err := b.language(ctx, s.in)
	if err != nil {
		return nil, err
	}
	from, err := b.imageNode(ctx, l)
	if err != nil {
		return nil, err
	}
	count := max(1, min(runtime.GOMAXPROCS(0), stock/blanksPerNode))
	var all nodes
	for range count {
		n, err := b.growBaseNode(s, l.image, from, (stock+count-1)/count)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// growBaseNode makes one node of a base snapshot, with blanks, from a node that
// has the image mapped.
func (b *Backend) growBaseNode(s *snap, image *os.File, from *node, blanks int) (*node, error) {
	layers := append(mapped(s.layer, 0), s.prefetch...)
	n, err := from.grow(image, b.arena.FD(), layers, []*os.File{s.layer.File})
	if err != nil {
		return nil, err
	}
	n.holds = s
	n.fill(blanks)
	return n, nil
}
