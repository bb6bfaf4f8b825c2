package unikernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// snap is a snapshot: a layer of pages on that of its parent.
type snap struct {
	backend    *Backend
	in         isolation.Interpreter
	layer      *snapshot.Layer
	parent     *snap
	state      driver.State
	owner      tenancy // whose function was imported
	prefetch   []layer
	candidates *snapshot.Candidates // what captures of its UCs are likely to find; of a base only
	zygotes    zygotesRef           // hold this snapshot mapped; none where deploys copy from the arena

	live     atomic.Int64 // UCs that were deployed from it by copying
	recorded atomic.Bool  // what a run of it writes, or being recorded

	refs   int // of the user, of snapshots above and sandboxes; guarded by backend.mu
	closed bool

	naming  sync.Once
	name    snapshot.Sum // of its file
	nameErr error
}

// Size implements isolation.Snapshot.
func (s *snap) Size() int64 { return s.layer.Size() }

// Parent implements isolation.Snapshot.
func (s *snap) Parent() isolation.Snapshot {
	if s.parent == nil {
		return nil
	}
	return s.parent
}

// Close implements isolation.Snapshot.
func (s *snap) Close() error {
	s.backend.mu.Lock()
	again := s.closed
	s.closed = true
	s.backend.mu.Unlock()
	if !again {
		s.backend.release(s)
	}
	return nil
}

func (b *Backend) hold(s *snap) {
	b.mu.Lock()
	s.refs++
	b.mu.Unlock()
}

// release gives one reference back. The last one takes the snapshot's memory,
// and its hold on its parent, with it.
func (b *Backend) release(s *snap) {
	for s != nil {
		b.mu.Lock()
		s.refs--
		last := s.refs == 0
		b.mu.Unlock()
		if !last {
			return
		}
		b.dismiss(s)
		if s.candidates != nil {
			s.candidates.Close()
		}
		s.layer.Close()
		s = s.parent
	}
}

// Deploy implements isolation.Snapshotter.
func (b *Backend) Deploy(ctx context.Context, snapshot isolation.Snapshot, spec isolation.DeploySpec) (isolation.Sandbox, error) {
	s, ok := snapshot.(*snap)
	if !ok || s.backend != b {
		return nil, fmt.Errorf("deploy: %w", isolation.ErrForeignObject)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	b.mu.Lock()
	gone := s.closed || b.closed
	s.refs++
	b.mu.Unlock()
	if gone {
		b.release(s)
		return nil, fmt.Errorf("deploy: %w", isolation.ErrClosed)
	}
	b.reclaim()
	owner := s.owner
	if !owner.ran && spec.Account != "" {
		owner = tenancy{spec.Account, true}
	}
	sb, err := b.deployAny(ctx, s, spec.Limits, owner)
	if err != nil {
		b.release(s)
		return nil, fmt.Errorf("deploy: %w", err)
	}
	return sb, nil
}

// deployAny deploys from whatever zygote of s is alive, and tries again where the
// zygote or the spare is found dead: each try finds another.
func (b *Backend) deployAny(ctx context.Context, s *snap, limits isolation.Limits, owner tenancy) (*sandbox, error) {
	for tries := b.spares() + 4; ; tries-- {
		n, err := b.zygoteOf(ctx, s, owner)
		if err != nil {
			return nil, err
		}
		sb, err := b.deploy(s, n, limits, owner)
		if err == nil || tries == 0 || !foundDead(err) {
			return sb, err
		}
	}
}

// foundDead reports whether an error is that of one process of the tender.
// Another process may do.
func foundDead(err error) bool {
	for _, e := range []error{ErrTenderGone, ErrNoProcess, unix.EPIPE, unix.ECONNRESET} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// deploy makes a UC of s, which is to run functions of owner, from a zygote that
// holds it, or what lies below it. It takes over one reference to s, if it
// succeeds.
func (b *Backend) deploy(s *snap, n *zygote, limits isolation.Limits, owner tenancy) (*sandbox, error) {
	layers, pins := s.layersOver(n, nil)
	r := b.runOrder(abi.Resume, n, limits)
	r.layers = layers
	uc, err := n.take(r, owner)
	if err != nil {
		pins.release()
		return nil, err
	}
	sb := b.newSandbox(uc, s.in, limits)
	defer sb.leave()
	sb.pid, sb.owner = r.pid, s.owner
	sb.session = driver.Resume(s.state, r.pid, sb.channel)
	sb.session.OnEnd(sb.learnEnd)
	sb.session.Log(&sb.log)
	if uc.wasReset() {
		pins.release()
	} else {
		sb.channel.pins = pins
	}
	if limits.CPUs > 0 {
		err = sb.limitCPU(limits.CPUs)
	}
	if err == nil && !uc.wasReset() {
		err = sendRun(uc.fd, r)
	}
	if err != nil {
		sb.Close()
		return nil, err
	}
	sb.parent = s
	sb.copied = pins != nil
	sb.countLive(len(pins))
	if !owner.ran {
		owner = uc.ran
	}
	n.refillPool(owner)
	return sb, nil
}

// pins keep the pages of a deploy where they are, until the UC has them.
type pins []*snapshot.Layer

func (p pins) release() {
	for _, l := range p {
		l.Unpin()
	}
}

// zygoteBelow is a zygote that a deploy for a tenant may be forked from, nil where
// none is alive.
func (s *snap) zygoteBelow(t tenancy) *zygote {
	for ; s != nil; s = s.parent {
		if n := s.zygotes.load().pick(t); n != nil {
			return n
		}
	}
	return nil
}

// layersOver is what is to be laid over a zygote of this snapshot or one below,
// so that the snapshot is there, and over it zeros in ranges.
func (s *snap) layersOver(n *zygote, gone []snapshot.Range) ([]layer, pins) {
	var above []*snap
	for ; s != nil && s != n.holds; s = s.parent {
		above = append(above, s)
	}
	var layers []layer
	var held pins
	var pages []snapshot.Page
	hide := func(ranges []snapshot.Range) {
		for _, g := range ranges {
			layers = append(layers, layer{addr: uint64(g.VPN) * abi.PageSize, pages: g.Pages, kind: extentZeroed})
			pages = slices.DeleteFunc(slices.Clone(pages), func(p snapshot.Page) bool { return p.VPN-g.VPN < g.Pages })
		}
	}
	for i, a := range slices.Backward(above) {
		hide(a.layer.Gone)
		own := a.layer.Pin()
		held = append(held, a.layer)
		if i == len(above)-1 {
			pages = own
		} else {
			pages = merge(pages, own)
		}
	}
	hide(gone)
	return appendCopied(layers, pages), held
}

// merge lays sorted pages over others.
func merge(below, above []snapshot.Page) []snapshot.Page {
	out := make([]snapshot.Page, 0, len(below)+len(above))
	for len(below) > 0 && len(above) > 0 {
		switch {
		case below[0].VPN < above[0].VPN:
			out, below = append(out, below[0]), below[1:]
		case below[0].VPN == above[0].VPN:
			below = below[1:]
		default:
			out, above = append(out, above[0]), above[1:]
		}
	}
	return append(append(out, below...), above...)
}

// appendCopied makes stretches of pages that follow each other both in the
// guest and in the arena.
func appendCopied(layers []layer, pages []snapshot.Page) []layer {
	first := len(layers)
	for i, p := range pages {
		if i > 0 && p.VPN == pages[i-1].VPN+1 && p.Slot == pages[i-1].Slot+1 && len(layers) > first {
			layers[len(layers)-1].pages++
			continue
		}
		layers = append(layers, layer{addr: uint64(p.VPN) * abi.PageSize, off: uint64(p.Slot) * abi.PageSize, pages: 1, kind: extentCopied})
	}
	return layers
}
