package unikernel

import (
	"context"
	"os"
	"runtime"

	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// booter is a language and a live zygote that boots it.
func (b *Backend) booter(ctx context.Context, s *snap) (*language, *zygote.Zygote, error) {
	l, err := b.language(ctx, s.in)
	if err != nil {
		return nil, nil, err
	}
	z, err := b.imageZygote(ctx, l)
	return l, z, err
}

// growZygotes makes the zygotes of a runtime snapshot, with full pools, and has the
// supervisor look after them.
func (s *snap) growZygotes() error {
	ctx, cancel := context.WithTimeout(context.Background(), repairTime)
	defer cancel()
	l, from, err := s.backend.booter(ctx, s)
	if err != nil {
		return err
	}
	spares := s.backend.cfg.spares()
	count := max(1, min(runtime.GOMAXPROCS(0), spares/sparesPerZygote))
	var zs zygote.Set
	for range count {
		z, err := s.growRuntime(ctx, l, from, (spares+count-1)/count)
		if err != nil {
			zs.Close()
			return err
		}
		zs = append(zs, z)
	}
	s.backend.oversee(s, zs)
	return nil
}

// growRuntime makes one zygote of a runtime snapshot, with spares in its pool, from an image
// zygote of its language.
func (s *snap) growRuntime(ctx context.Context, l *language, from *zygote.Zygote, spares int) (*zygote.Zygote, error) {
	plan := append(s.layer.PlanFile(0), s.prefetch...)
	m := zygote.Memory{Image: l.image, Arena: s.backend.arena.FD(), Plan: plan, Files: []*os.File{s.layer.File}}
	z, err := from.Grow(ctx, m)
	if err != nil {
		return nil, err
	}
	z.Holds = s.layer
	z.Resize(spares)
	z.Fill()
	return z, nil
}

// growFunction makes the zygote of a function snapshot, whose spares populate the
// pages that a run writes.
func (b *Backend) growFunction(ctx context.Context, s *snap, written []snapshot.Page) (*zygote.Zygote, error) {
	l, from, err := b.booter(ctx, s)
	if err != nil {
		return nil, err
	}
	flat := s.layer.Flatten()
	defer flat.Close()
	file, err := b.memory(ctx, flat.Size)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := flat.Write(file); err != nil {
		return nil, err
	}
	plan := flat.Plan().With(snapshot.PrefetchWrite, snapshot.Ranges(written))
	for p := s; p != nil; p = p.parent {
		plan = plan.With(snapshot.PrefetchRead, p.prefetch.Ranges(snapshot.PrefetchRead))
	}
	m := zygote.Memory{Image: l.image, Arena: b.arena.FD(), Plan: plan, Files: []*os.File{flat.Base.File, file}}
	z, err := from.Grow(ctx, m)
	if err != nil {
		return nil, err
	}
	z.Holds = s.layer
	z.Resize(b.cfg.spares())
	return z, nil
}
