package unikernel

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Deploy implements isolation.Snapshotter.
func (b *Backend) Deploy(
	ctx context.Context, snapshot isolation.Snapshot, spec isolation.DeploySpec,
) (isolation.Sandbox, error) {
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
		b.unref(s)
		return nil, fmt.Errorf("deploy: %w", isolation.ErrClosed)
	}
	b.fleet.reclaim()
	owner := s.owner
	if !owner.Ran && spec.Account != "" {
		owner = zygote.Tenancy{Account: spec.Account, Ran: true}
	}
	sb, err := b.deploy(ctx, s, nil, spec.Limits, owner)
	if err != nil {
		b.unref(s)
		return nil, fmt.Errorf("deploy: %w", err)
	}
	return sb, nil
}

// deploy makes a UC of s that is to run functions of owner, from z or, for nil, from
// any live zygote of s. It takes over one reference to s, if it succeeds.
func (b *Backend) deploy(
	ctx context.Context, s *snap, z *zygote.Zygote, l isolation.Limits, owner zygote.Tenancy,
) (sb *sandbox, err error) {
	sb = b.newSandbox(s.in, l)
	sb.parent, sb.owner = s, s.owner
	r := b.newRun(abi.Resume, l)
	var p *process
	if z == nil {
		p, err = b.spawnAny(ctx, sb, r, owner)
	} else {
		p, err = b.spawn(ctx, sb, z, r, owner)
	}
	if err != nil {
		return nil, err
	}
	sb.pid = r.PID
	p.fresh.Store(p.copied)
	p.open(driver.Resume(s.state, r.PID, p.channel))
	sb.start(p)
	sb.leave(p)
	return sb, nil
}
