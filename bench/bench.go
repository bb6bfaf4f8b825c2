// Package bench runs experiments and writes down what happened: one raw record
// per invocation, in one file per trial. It draws no conclusions; package
// analysis does, from the records alone.
//
// A [Suite] is a YAML file that says which experiments are run, on which
// backends and runtimes, and with which parameters. [NewPlan] spreads it into
// trials: those of different backends are interleaved in seeded random order,
// so that whatever else happens on the machine meets all of them alike.
// [Runner.Run] runs them into a run folder and can be stopped at any moment: a trial
// is in the folder wholly or not at all, and the next Run with the same folder
// does what is missing.
//
//	suite, err := bench.ReadSuite("configs/quick.yaml")
//	if err != nil { … }
//	r := bench.Runner{Open: openBackends, Progress: bench.NewProgress(os.Stderr)}
//	err = r.Run(ctx, suite, "runs/today")
package bench

import (
	"context"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Experiment is one question that a suite can ask. The value holds the
// experiment's parameters: its exported fields with a yaml tag are its keys in
// a suite, and what they hold when it comes from [Experiments] is the default.
type Experiment interface {
	// Name is what suites, records and tables call it.
	Name() string

	// Doc says in one sentence what is measured.
	Doc() string

	// Check reports parameters that make no sense, as a *BadValue.
	Check() error

	// Trials lists what is to be run on one target, without repeats. Only
	// Via, Path, Labels and Least of the trials need be set.
	Trials(t Target) []Trial

	// RunTrial runs one of them within Trial.Limit or a little over, and hands
	// the sink one row per invocation. An invocation that fails is a row; an
	// error means that the trial could not be run.
	RunTrial(ctx context.Context, env *Env, t Trial, sink *Sink) error
}

// Target is what experiments compare: one language runtime on one backend.
type Target struct {
	Backend     string
	Interpreter isolation.Interpreter
	Snapshots   bool // the backend is a isolation.Snapshotter
}

// Trial is one run of one experiment on one target.
type Trial struct {
	Number     int // in the plan's canonical order, from 1
	Experiment string
	Target     Target
	Repeat     int               // from 1
	Via        string            // ViaSandbox, ViaWorker or ViaGateway
	Path       string            // the path that it sets out to take, if it matters
	Labels     map[string]string // what this trial varies: "functions": "64"
	Least      time.Duration     // the least time in which it makes sense
	Limit      time.Duration     // the time it should end in, set by the plan
}

// Sink takes a trial's rows. Its methods are for one goroutine at a time.
type Sink struct {
	trial Trial
	w     *record.Writer
	Rows  int // so far
}

// NewSink writes a trial's rows with w, each labelled as the trial is.
func NewSink(t Trial, w *record.Writer) *Sink { return &Sink{trial: t, w: w} }

// Invocation writes one row. Fields that the trial determines are filled in;
// Via is kept where the row has one, and labels are added to the trial's.
func (s *Sink) Invocation(r record.Invocation) {
	s.Rows++
	r.Experiment, r.Trial, r.Backend, r.Runtime = s.trial.Experiment, s.trial.Number, s.trial.Target.Backend, s.trial.Target.Interpreter.Runtime
	if r.Via == "" {
		r.Via = s.trial.Via
	}
	r.Labels = s.labels(r.Labels)
	s.w.Invocation(r)
}

// Measurement writes one figure of the whole trial, in the same way.
func (s *Sink) Measurement(r record.Measurement) {
	r.Experiment, r.Trial, r.Backend, r.Runtime = s.trial.Experiment, s.trial.Number, s.trial.Target.Backend, s.trial.Target.Interpreter.Runtime
	if r.Via == "" {
		r.Via = s.trial.Via
	}
	r.Labels = s.labels(r.Labels)
	s.w.Measurement(r)
}

func (s *Sink) labels(own map[string]string) map[string]string {
	if len(own) == 0 {
		return s.trial.Labels
	}
	all := make(map[string]string, len(own)+len(s.trial.Labels))
	for k, v := range s.trial.Labels {
		all[k] = v
	}
	for k, v := range own {
		all[k] = v
	}
	return all
}
