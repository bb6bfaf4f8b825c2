package unikernel

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// zygoteOf is a live zygote that a snapshot can be deployed from for a tenant. While
// there is none, it waits for the supervisor.
func (b *Backend) zygoteOf(ctx context.Context, s *snap, t zygote.Tenancy) (*zygote.Zygote, error) {
	return b.awaitZygote(ctx, func() *zygote.Zygote { return s.pick(t) })
}

// spawnAny gives a sandbox a process from any live zygote of its snapshot, and tries
// again where the zygote or the spare is found dead: each try finds another.
func (b *Backend) spawnAny(ctx context.Context, s *sandbox, r *zygote.Run, t zygote.Tenancy) (*process, error) {
	for tries := b.cfg.spares() + 4; ; tries-- {
		z, err := b.zygoteOf(ctx, s.parent, t)
		if err != nil {
			return nil, err
		}
		p, err := b.spawn(ctx, s, z, r, t)
		if err == nil || tries == 0 || !foundDead(err) {
			return p, err
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

// spawn gives a sandbox a process from a zygote that holds its snapshot or one below:
// the process lays the layers between, and then runs as r says, for tenant t.
func (b *Backend) spawn(
	ctx context.Context, s *sandbox, z *zygote.Zygote, r *zygote.Run, t zygote.Tenancy,
) (*process, error) {
	plan, pins := s.parent.layer.PlanOver(z.Holds, s.holes)
	r.Plan = plan
	uc, err := z.Get(ctx, r, t)
	if err != nil {
		pins.Release()
		return nil, err
	}
	copied := len(pins) > 0
	if uc.WasReset() { // it has copied the pages
		pins.Release()
		pins = nil
	}
	p := s.newProcess(uc, guest.NewChannel(uc.FD, s, &b.readers, pins))
	if p.copied = copied; copied {
		s.parent.live.Add(1)
	}
	if cpus := s.limitsNow().CPUs; cpus > 0 {
		err = p.limitCPU(ctx, cpus)
	}
	if err == nil {
		err = uc.Run(r)
	}
	if err != nil {
		return nil, errors.Join(err, p.end(true))
	}
	if !t.Ran {
		t = uc.Ran
	}
	z.Refill(t)
	return p, nil
}
