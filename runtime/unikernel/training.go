package unikernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// StepPrefetch is a step of anticipatory optimisation that this backend adds
// to the driver's: find out which pages the first import and the first run
// write and read, and have every spare populate them before its order comes:
// one call does what would be some hundred page faults. The spares that the
// snapshot begins with run a training function besides.
const StepPrefetch = "prefetch"

// trainingFunctions are functions to learn from: what they touch, every function does.
var trainingFunctions = map[isolation.Language][2]string{
	isolation.NodeJS: {"index.js", "exports.handler = async (event) => event;\n"},
	isolation.Python: {"index.py", "def handler(event, context):\n    return event\n"},
}

// recordWorkingSet finds out what functions write, and then what they read where that is
// known: a zygote maps what will be written in another way (csrc/tender/spare.c).
func (s *snap) recordWorkingSet() ([]layer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), trainingTime)
	defer cancel()
	var known []layer
	for _, o := range []struct {
		kind  uint16
		flags uint32
	}{{extentPrefetchWrite, 0}, {extentPrefetchRead, flagShared}} {
		got, err := s.recordPages(ctx, known, o.flags)
		if err != nil {
			return nil, fmt.Errorf("learn what functions touch: %w", err)
		}
		for _, t := range got {
			known = append(known, layer{addr: t.addr, pages: t.pages, kind: o.kind})
		}
	}
	return known, nil
}

// recordPages runs a training function in a UC of the snapshot and returns which of its
// pages it wrote, or with flagShared read.
func (s *snap) recordPages(ctx context.Context, known []layer, flags uint32) (got []taken, err error) {
	trial := &snap{backend: s.backend, in: s.in, layer: s.layer, state: s.state, prefetch: known, refs: 1}
	ns, err := s.backend.growBase(trial, 0)
	if err != nil {
		return nil, err
	}
	defer ns.close()
	trial.zygotes.store(ns)
	sb, err := trial.trainingRun(ctx, ns[0], func(sb *sandbox) error {
		return sb.awaitQuiescence(ctx, func() (err error) {
			_, got, _, err = sb.table(order{op: opScan, flags: flags}, nil)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return got, sb.Close()
}

// split takes the steps that are this backend's own out of those for the
// driver.
func split(steps []string) (forDriver []string, prefetch bool) {
	for _, s := range steps {
		if s == StepPrefetch {
			prefetch = true
			continue
		}
		forDriver = append(forDriver, s)
	}
	return forDriver, prefetch
}

// trainingTime bounds a training function's import and run.
const trainingTime = 30 * time.Second

// trainingRun runs the training function in a UC of the snapshot, from one of its zygotes, and then
// looks at it: the UC has not hibernated since its run.
func (s *snap) trainingRun(ctx context.Context, n *zygote, look func(*sandbox) error) (*sandbox, error) {
	s.backend.hold(s)
	sb, err := s.backend.deploy(s, n, isolation.Limits{}, tenancy{})
	if err != nil {
		s.backend.release(s)
		return nil, err
	}
	if err := sb.trainingRun(ctx, look); err != nil {
		sb.Close()
		return nil, err
	}
	sb.mu.Lock()
	sb.owner = tenancy{} // the training function is nobody's
	sb.mu.Unlock()
	return sb, nil
}

func (s *sandbox) trainingRun(ctx context.Context, look func(*sandbox) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := runTraining(ctx, s, s.in.Language); err != nil {
		return err
	}
	return look(s)
}

// runTraining imports and runs the training function of a language.
func runTraining(ctx context.Context, sb isolation.Sandbox, lang isolation.Language) error {
	dir, err := os.MkdirTemp("", "lambdabench-dummy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source := trainingFunctions[lang]
	if err := os.WriteFile(filepath.Join(dir, source[0]), []byte(source[1]), 0o644); err != nil {
		return err
	}
	fn := isolation.Function{Name: "dummy", Version: "$LATEST", Handler: "index.handler", Package: dir}
	if err := sb.Import(ctx, fn); err != nil {
		return err
	}
	inv := isolation.Invocation{ID: "00000000-0000-0000-0000-000000000000", Payload: []byte("{}"), Deadline: time.Now().Add(trainingTime)}
	res, err := sb.Invoke(ctx, inv)
	if err == nil && res.Outcome != isolation.OK {
		return res.Error
	}
	return err
}

// trainSpares has every spare in the pool run the training function once, after which it is
// reset (see reset.go): what functions touch is then in its page tables.
func (s *snap) trainSpares() error {
	ctx, cancel := context.WithTimeout(context.Background(), trainingTime)
	defer cancel()
	for _, n := range s.zygotes.load() {
		if err := s.trainPool(ctx, n); err != nil {
			return fmt.Errorf("train a spare: %w", err)
		}
	}
	return nil
}

func (s *snap) trainPool(ctx context.Context, n *zygote) error {
	spares := n.pool.len()
	n.pool.expect(spares)
	for range spares {
		sb, err := s.trainingRun(ctx, n, func(*sandbox) error { return nil })
		if err != nil {
			return err
		}
		defer sb.Close()
	}
	return nil
}
