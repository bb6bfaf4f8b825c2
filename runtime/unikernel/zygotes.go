package unikernel

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
)

// sparesPerZygote is the least that is worth a zygote.
const sparesPerZygote = 4

// zygotes are those that hold one snapshot mapped, one like the other. A zygote
// carries out one order at a time, and every UC is some half a millisecond of
// orders, so a base snapshot has one for each processor.
type zygotes []*zygote

// pick is the zygote with the fewest orders under way, of those that need not
// fork for a tenant: the first, if nothing happens, so that its memory stays in
// the processors' caches. It is nil where all are dead.
func (ns zygotes) pick(t tenancy) (best *zygote) {
	least := int32(0)
	for _, n := range ns {
		if n.dead.Load() {
			continue
		}
		w := n.orders.Load()
		if !n.pool.serves(t) {
			w += 1 << 16
		}
		if best == nil || w < least {
			best, least = n, w
		}
	}
	return best
}

func (ns zygotes) close() {
	for _, n := range ns {
		n.close()
	}
}

// zygotesRef is a snapshot's zygotes, none before it has some.
type zygotesRef struct{ p atomic.Pointer[zygotes] }

func (r *zygotesRef) load() zygotes {
	if ns := r.p.Load(); ns != nil {
		return *ns
	}
	return nil
}

func (r *zygotesRef) store(ns zygotes) { r.p.Store(&ns) }

// spares is how many spares the zygotes of a snapshot have between them.
func (b *Backend) spares() int {
	switch {
	case b.cfg.Spares < 0:
		return 0
	case b.cfg.Spares == 0:
		return min(max(8, sparesPerZygote*runtime.GOMAXPROCS(0)), 32)
	}
	return b.cfg.Spares
}

// growBase makes the zygotes of a base snapshot.
func (b *Backend) growBase(s *snap, pool int) (zygotes, error) {
	ctx, cancel := context.WithTimeout(context.Background(), repairTime)
	defer cancel()
	l, err := b.language(ctx, s.in)
	if err != nil {
		return nil, err
	}
	from, err := b.imageZygote(ctx, l)
	if err != nil {
		return nil, err
	}
	count := max(1, min(runtime.GOMAXPROCS(0), pool/sparesPerZygote))
	var all zygotes
	for range count {
		n, err := b.growBaseZygote(s, l.image, from, (pool+count-1)/count)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// growBaseZygote makes one zygote of a base snapshot, with spares, from a zygote that
// has the image mapped.
func (b *Backend) growBaseZygote(s *snap, image *os.File, from *zygote, spares int) (*zygote, error) {
	layers := append(mapped(s.layer, 0), s.prefetch...)
	n, err := from.grow(image, b.arena.FD(), layers, []*os.File{s.layer.File})
	if err != nil {
		return nil, err
	}
	n.holds = s
	n.fill(spares)
	return n, nil
}
