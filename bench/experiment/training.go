package experiment

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads/apps"
)

// training tells how far a gain depends on what the training runs were of. It measures a
// function after training runs of a set with the training function that does work of the
// same kind, of the set without that one, and without training runs. No training function
// is ever measured.
type training struct {
	Set      []string   `yaml:"set"`       // of training functions; driver.DefaultTraining by default
	LeaveOut []string   `yaml:"leave_out"` // training functions, one at a time; all by default
	Paths    []string   `yaml:"paths"`     // warm, cold
	Starts   []string   `yaml:"starts"`    // of cold calls: stem+ao, snapshot
	Calls    int        `yaml:"calls"`     // of each path in a trial, at most
	Memory   bench.Size `yaml:"memory"`    // limit of a function
}

func newTraining() *training {
	return &training{
		Set: driver.DefaultTraining(), LeaveOut: driver.TrainingFunctions(),
		Paths:  []string{string(worker.Warm), string(worker.Cold)},
		Starts: []string{record.StartStemAO, record.StartSnapshot}, Calls: 200, Memory: 256 << 20,
	}
}

// nop names the function that does nothing, where applications are named.
const nop = "nop"

// ofKind is for each training function the measured function that does work of the same
// kind with other code.
var ofKind = map[string]string{
	"echo": nop, "json": "orders", "text": "page", "digest": "sign", "bytes": "thumbnail", "files": "kvlog",
}

func (x *training) Name() string { return record.ExperimentTraining }

func (x *training) Doc() string {
	return "what training runs learn from: a function's cold and warm latency with and without the training " +
		"function of its kind"
}

func (x *training) Check() error {
	for _, f := range []struct {
		key         string
		values, all []string
	}{{"paths", x.Paths, newTraining().Paths}, {"starts", x.Starts, newTraining().Starts}} {
		for _, v := range f.values {
			if !slices.Contains(f.all, v) {
				return bench.Bad(f.key, "%q is none of %v", v, f.all)
			}
		}
	}
	if err := errors.Join(checkTraining("set", x.Set), bench.AtLeast("set", len(x.Set), 2)); err != nil {
		return err
	}
	return errors.Join(checkTraining("leave_out", x.LeaveOut), bench.AtLeast("leave_out", len(x.LeaveOut), 1),
		bench.AtLeast("paths", len(x.Paths), 1), bench.AtLeast("starts", len(x.Starts), 1),
		bench.AtLeast("calls", x.Calls, 1))
}

// checkTraining refuses names that no training function has.
func checkTraining(key string, names []string) error {
	if err := driver.CheckTraining(names); err != nil {
		return bench.Bad(key, "%v", err)
	}
	return nil
}

func (x *training) Trials(t bench.Target) ([]bench.Trial, string) {
	start := record.StartStemAO
	if t.Snapshots {
		start = record.StartSnapshot
	}
	if !slices.Contains(x.Starts, start) {
		return nil, "none of its starts is asked for"
	}
	var all []bench.Trial
	for _, path := range x.Paths {
		if path == string(worker.Warm) && !t.Snapshots {
			continue // without snapshots of functions there is no such path
		}
		for _, left := range x.LeaveOut {
			for _, set := range []string{record.TrainingNone, record.TrainingWithout, record.TrainingWith} {
				labels := map[string]string{record.LabelTraining: set, record.LabelLike: left,
					record.LabelApp: ofKind[left]}
				if path == string(worker.Cold) {
					labels[record.LabelStart] = start
				}
				all = append(all, bench.Trial{Via: record.ViaWorker, Path: path, Labels: labels,
					Least: 500 * time.Millisecond})
			}
		}
	}
	return all, ""
}

// RunTrial is that of deploy or of apps, with the trial's training functions.
func (x *training) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) error {
	d := newDeploy()
	d.Calls, d.Memory = x.Calls, x.Memory
	d.AO, d.Training = x.learns(t, anticipated(env.Backend))
	if t.Labels[record.LabelApp] == nop {
		return d.RunTrial(ctx, env, t, sink)
	}
	app, err := apps.ByName(t.Labels[record.LabelApp])
	if err != nil {
		return err
	}
	return d.measureApp(ctx, env, t, app, sink)
}

// learns is what a trial learns from: steps of anticipatory optimisation, and training
// functions.
func (x *training) learns(t bench.Trial, steps []string) (kept, names []string) {
	like := t.Labels[record.LabelLike]
	switch t.Labels[record.LabelTraining] {
	case record.TrainingNone:
		learning := []string{isolation.StepInterpreter, isolation.StepPrefetch}
		kept = slices.DeleteFunc(slices.Clone(steps), func(s string) bool { return slices.Contains(learning, s) })
		return kept, nil
	case record.TrainingWithout:
		return steps, x.without(like)
	}
	return steps, append(x.without(like), like)
}

// without is the set without a training function.
func (x *training) without(name string) []string {
	return slices.DeleteFunc(slices.Clone(x.Set), func(s string) bool { return s == name })
}
