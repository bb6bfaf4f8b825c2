package experiment

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// ao is anticipatory optimisation, SEUSS's table 2: the cold and the warm path
// and the sizes of both snapshots, with ever more steps before the runtime
// snapshot, and with each step alone. It runs on backends that take snapshots.
type ao struct {
	Steps [][]string `yaml:"steps"` // one row each; [] is none
	Calls int        `yaml:"calls"` // of each path in a trial, at most
}

func newAO() *ao {
	return &ao{
		Calls: 475,
		Steps: [][]string{{}, {"network"}, {"network", "interpreter"}, {"network", "interpreter", "prefetch"},
			{"network", "interpreter", "prefetch", "gc"}, {"interpreter"}, {"prefetch"}, {"gc"}},
	}
}

func (a *ao) Name() string { return record.ExperimentAO }

func (a *ao) Doc() string {
	return "anticipatory optimisation: cold and warm latency and snapshot sizes, with ever more steps before the " +
		"runtime snapshot, and with each alone"
}

func (a *ao) Check() error {
	for _, steps := range a.Steps {
		if err := checkSteps("steps", steps); err != nil {
			return err
		}
	}
	return errors.Join(bench.AtLeast("steps", len(a.Steps), 1), bench.AtLeast("calls", a.Calls, 1))
}

func (a *ao) Trials(t bench.Target) ([]bench.Trial, string) {
	if !t.Snapshots {
		return nil, "the backend takes no snapshots"
	}
	var all []bench.Trial
	for _, steps := range a.Steps {
		for _, p := range []string{string(worker.Cold), string(worker.Warm)} {
			all = append(all, bench.Trial{Via: record.ViaWorker, Path: p,
				Labels: map[string]string{record.LabelAO: stepsLabel(steps)}, Least: 500 * time.Millisecond})
		}
	}
	return all, ""
}

// checkSteps refuses steps of anticipatory optimisation that no backend knows.
func checkSteps(key string, steps []string) error {
	for _, name := range steps {
		if all := isolation.Steps(); !slices.Contains(all, name) {
			return bench.Bad(key, "%q is none of %v", name, all)
		}
	}
	return nil
}

// stepsLabel names a row as the paper does.
func stepsLabel(steps []string) string {
	if len(steps) == 0 {
		return record.AONone
	}
	return strings.Join(steps, record.AOSeparator)
}

// RunTrial is that of deploy, with the trial's steps.
func (a *ao) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) error {
	d := newDeploy()
	d.Calls = a.Calls
	for _, steps := range a.Steps {
		if stepsLabel(steps) == t.Labels[record.LabelAO] {
			d.AO = steps
		}
	}
	return d.RunTrial(ctx, env, t, sink)
}
