package unikernel

import (
	"context"
	"errors"

	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// captureLayer captures what a UC differs in from its snapshot: into a stage of the
// arena that is made larger until the pages fit. What is found at the place of a dedup
// candidate is not written.
func (p *process) captureLayer(ctx context.Context) (*snapshot.Layer, error) {
	s := p.of
	below, account := s.parent.layer, s.tenant().Account
	direct := below.File != nil && len(s.holes) == 0
	var candidates []snapshot.Page
	if c := s.parent.candidates; c != nil {
		if set := c.Acquire(account); set != nil {
			defer set.Release()
			candidates = set.Pages
		}
	}
	arena := s.backend.arena
	for want := 1; ; {
		stage, n, err := arena.Stage(want)
		if err != nil {
			return nil, err
		}
		table, err := p.uc.Capture(ctx, stage, n, direct, candidates)
		if err == nil {
			holes := snapshot.Union(append(table.Holes, s.holes...))
			return arena.NewChild(below, account, table.Extents, holes, stage, n), nil
		}
		arena.Unstage(stage, n)
		var small *zygote.StageTooSmallError
		if !errors.As(err, &small) || want >= small.Need {
			return nil, err
		}
		want = small.Need + 64
	}
}
