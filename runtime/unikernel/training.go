package unikernel

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Anticipate implements isolation.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{isolation.StepNetwork, isolation.StepInterpreter, isolation.StepPrefetch}
}

// trainingTime bounds a training run, all those that record a working set, and all those
// of spares.
const trainingTime = 30 * time.Second

// split takes StepPrefetch, which is this backend's own, out of the steps for the driver.
// Training runs record the working set of a first import and run, and every spare
// populates these pages before its order comes: one call does the work of some hundred
// page faults. The first spares of the snapshot do a training run besides.
func split(steps []string) (forDriver []string, prefetch bool) {
	own := func(step string) bool { return step == isolation.StepPrefetch }
	return slices.DeleteFunc(slices.Clone(steps), own), slices.ContainsFunc(steps, own)
}

// recordWorkingSet finds the pages that every training function writes, and then the pages
// that every one reads while spares populate the first. A page that one function alone
// touches is not among them. There are two passes, because a zygote maps pages that will be
// written in another way than pages that will be read (csrc/tender/spare.c).
func (s *snap) recordWorkingSet() (plan snapshot.Plan, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), trainingTime)
	defer cancel()
	for _, kind := range []snapshot.Kind{snapshot.PrefetchWrite, snapshot.PrefetchRead} {
		ranges, err := s.recordPages(ctx, plan, kind == snapshot.PrefetchRead)
		if err != nil {
			return nil, fmt.Errorf("record the working set of functions: %w", err)
		}
		plan = plan.With(kind, ranges)
	}
	return plan, nil
}

// recordPages does a training run of each training function in a UC of the snapshot, whose
// spares populate the pages known so far. It returns the pages that all of them wrote, or
// with shared those that all of them read.
func (s *snap) recordPages(ctx context.Context, known snapshot.Plan, shared bool) (ranges []snapshot.Range, err error) {
	trial := &snap{backend: s.backend, in: s.in, layer: s.layer, state: s.state, prefetch: known, training: s.training,
		refs: 1}
	l, from, err := s.backend.booter(ctx, s)
	if err != nil {
		return nil, err
	}
	z, err := trial.growRuntime(ctx, l, from, 0)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for i, name := range driver.Training(s.training) {
		touched, err := trial.pagesOf(ctx, z, name, shared)
		if err != nil {
			return nil, fmt.Errorf("training function %s: %w", name, err)
		}
		if i > 0 {
			touched = snapshot.Common(ranges, touched)
		}
		ranges = touched
	}
	return ranges, nil
}

// pagesOf returns the pages that a training run of one function wrote, or with shared those
// that the run read.
func (s *snap) pagesOf(ctx context.Context, z *zygote.Zygote, name string, shared bool) ([]snapshot.Range, error) {
	var ranges []snapshot.Range
	sb, err := s.trainingRun(ctx, z, name, func(p *process) error {
		return awaitQuiescence(ctx, func() error {
			table, err := p.uc.Scan(ctx, shared)
			ranges = ranges[:0]
			for _, e := range table.Extents {
				ranges = append(ranges, snapshot.Range{VPN: e.VPN, Pages: e.Pages})
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return ranges, sb.Close()
}

// trainSpares has every spare in the pools do a training run of one function, in turns,
// after which it is reset: the pages that functions touch are in its page tables from then on.
func (s *snap) trainSpares() error {
	ctx, cancel := context.WithTimeout(context.Background(), trainingTime)
	defer cancel()
	for _, z := range s.holders() {
		if err := s.trainPool(ctx, z); err != nil {
			return fmt.Errorf("train a spare: %w", err)
		}
	}
	return nil
}

func (s *snap) trainPool(ctx context.Context, z *zygote.Zygote) error {
	spares := z.Spares()
	z.WillReturn(spares)
	names := driver.Training(s.training)
	for i := range spares {
		name := names[i%len(names)]
		sb, err := s.trainingRun(ctx, z, name, nil)
		if err != nil {
			return fmt.Errorf("training function %s: %w", name, err)
		}
		defer sb.Close() // not before the others are there: the spare would be taken again
	}
	return nil
}

// trainingRun runs a training function in a UC of the snapshot, forked from z, and
// then looks at the UC, which has not hibernated since.
func (s *snap) trainingRun(ctx context.Context, z *zygote.Zygote, name string,
	look func(*process) error) (*sandbox, error) {
	s.backend.ref(s)
	sb, err := s.backend.deploy(ctx, s, z, isolation.Limits{}, zygote.Tenancy{})
	if err != nil {
		s.backend.unref(s)
		return nil, err
	}
	if err := sb.train(ctx, name, look); err != nil {
		sb.Close()
		return nil, err
	}
	return sb, nil
}

func (s *sandbox) train(ctx context.Context, name string, look func(*process) error) error {
	p, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer s.leave(p)
	if err := runTraining(ctx, s, s.in.Language, name); err != nil {
		return err
	}
	s.mu.Lock()
	s.owner = zygote.Tenancy{} // the training function is nobody's
	s.mu.Unlock()
	if look == nil {
		return nil
	}
	return look(p)
}

// runTraining imports and runs a training function.
func runTraining(ctx context.Context, sb isolation.Sandbox, lang isolation.Language, name string) error {
	dir, err := os.MkdirTemp("", "lambdabench-training-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := driver.WriteTraining(dir, lang, name); err != nil {
		return err
	}
	fn := isolation.Function{Name: "training", Version: "$LATEST", Handler: "index.handler", Package: dir}
	if err := sb.Import(ctx, fn); err != nil {
		return err
	}
	inv := isolation.Invocation{
		ID: "00000000-0000-0000-0000-000000000000", Payload: []byte("{}"), Deadline: time.Now().Add(trainingTime),
	}
	res, err := sb.Invoke(ctx, inv)
	if err == nil && res.Outcome != isolation.OK {
		return res.Error
	}
	return err
}
