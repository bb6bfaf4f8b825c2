package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/trial"
)

// finder finds the targets of a suite on this host.
type finder struct {
	suite    *Suite
	patience time.Duration // Runner.Patience
	log      *slog.Logger
}

// targets lists the targets that the suite asks for and this host can run: every
// interpreter is tried on every backend first.
func (f finder) targets(ctx context.Context, all backendList) ([]Target, error) {
	su := f.suite
	interpreters, err := chooseInterpreters(ctx, su.Runtimes)
	if err != nil {
		return nil, err
	}
	for _, name := range su.Backends.List {
		if all.named(name) == nil {
			return nil, fmt.Errorf("%w: backend %q; there are %v", ErrUnknown, name, all.names())
		}
	}
	var targets []Target
	var lacks, missed []error // missed: of backends or runtimes that the suite names
	for _, b := range all {
		if !su.Backends.All && !slices.Contains(su.Backends.List, b.Name()) {
			continue
		}
		works, failed := f.tryOut(ctx, b, interpreters)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		lacks = append(lacks, failed...)
		if !su.Backends.All && (len(works) == 0 || !su.Runtimes.All) {
			missed = append(missed, failed...)
		}
		targets = append(targets, works...)
	}
	if len(missed) > 0 {
		return nil, errors.Join(missed...)
	}
	if len(targets) == 0 {
		return nil, errors.Join(append([]error{ErrNoTarget}, lacks...)...)
	}
	return targets, nil
}

// tryOut lists the targets of a backend, and why the backend does not work with the
// other interpreters.
func (f finder) tryOut(ctx context.Context, b isolation.Backend, all []isolation.Interpreter) (works []Target,
	lacks []error) {
	verdicts, err := trial.Trial{Patience: f.patience}.All(ctx, b, all)
	if err != nil {
		f.log.Warn("backend left out", "backend", b.Name(), "reason", err)
		return nil, []error{err}
	}
	_, snapshots := b.(isolation.Snapshotter)
	offline := f.suite.Network.offline(ctx, b)
	restless, resident := idling(b)
	var networks string
	if n, ok := b.(isolation.Networked); ok {
		networks = strings.Join(n.Networks(), " ")
	}
	for _, v := range verdicts {
		if v.Err != nil {
			f.log.Warn("backend left out", "backend", b.Name(), "runtime", v.Interpreter.Runtime, "reason", v.Err)
			lacks = append(lacks, v.Err)
			continue
		}
		works = append(works, Target{Backend: b.Name(), Interpreter: v.Interpreter, Snapshots: snapshots,
			Offline: offline, Restless: restless, Resident: resident,
			Networks: networks})
	}
	return works, lacks
}

// idling tells why sandboxes of a backend cannot be paused, and why their memory cannot
// be taken back; "" where that can be done.
func idling(b isolation.Backend) (restless, resident string) {
	idler, ok := b.(isolation.Idler)
	if !ok {
		none := "sandboxes of " + b.Name() + " cannot be paused (no isolation.Pauser)"
		return none, none
	}
	if err := idler.CanPause(); err != nil {
		restless = err.Error()
	}
	if err := idler.CanReclaim(); err != nil {
		resident = err.Error()
	}
	return restless, resident
}

// chooseInterpreters takes the interpreters that are asked for, or the best of each language.
func chooseInterpreters(ctx context.Context, want Names) ([]isolation.Interpreter, error) {
	var finder isolation.Finder
	found := finder.All(ctx)
	ids := want.List
	if want.All {
		for _, in := range found {
			if !slices.Contains(ids, string(in.Language)) {
				ids = append(ids, string(in.Language))
			}
		}
	}
	var list []isolation.Interpreter
	for _, id := range ids {
		i := slices.IndexFunc(found, func(in isolation.Interpreter) bool {
			return in.Runtime == id ||
				string(in.Language) == id
		})
		if i < 0 {
			_, err := finder.Find(ctx, id)
			return nil, err
		}
		if j := slices.IndexFunc(list, func(in isolation.Interpreter) bool {
			return in.Runtime == found[i].Runtime
		}); j >= 0 {
			return nil, fmt.Errorf("%w: runtimes: %q and %q are both %s on this host; remove one", ErrTwice, ids[j], id,
				found[i].Runtime)
		}
		list = append(list, found[i])
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is no interpreter: %w", errors.Join(append(finder.Lacks(ctx), ctx.Err())...))
	}
	return list, nil
}
