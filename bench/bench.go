// Package bench runs suites of experiments and records what happened: one raw record
// per invocation, one file per trial. It draws no conclusion; the packages below analysis
// do, from the records alone.
//
// A run goes through these steps:
//
//  1. [ReadSuite] reads a [Suite], a YAML file that names experiments, backends, runtimes
//     and parameters. The caller hands it the [Table] of the experiments there are.
//  2. [Runner.Run] opens the run's folder, tries every runtime on every backend and so
//     finds the [Target]s of this host.
//  3. [NewPlan] spreads the suite over the targets. Trials of different backends are
//     interleaved in seeded random order, so that drift of the machine meets all alike.
//  4. The runner waits for a quiet machine before each [Trial], makes an [Env] for the
//     trial and has the [Experiment] run it into a [Sink].
//
// A run can be stopped at any moment: a trial is in the folder wholly or not at all, and
// the next run into the same folder does the missing trials.
//
//	suite, err := bench.ReadSuite("configs/quick.yaml", experiment.All)
//	if err != nil { … }
//	r := bench.Runner{Open: openBackends, Progress: bench.NewProgress(os.Stderr)}
//	err = r.Run(ctx, suite, "runs/today")
//
// Imports run one way. The experiments in bench/experiment and bench/surface import this
// package; this package knows none of them and imports bench/host, which reads the
// machine. A new experiment is a file in bench/experiment and a line in its table.
package bench

import "context"

// Experiment is one question that a suite can ask. The value holds the experiment's
// parameters: its exported fields with a yaml tag are its keys in a suite, and their
// values in a [Table] are the defaults.
type Experiment interface {
	// Name is the experiment's name in suites, records and tables.
	Name() string

	// Doc says in one sentence what is measured.
	Doc() string

	// Check reports parameters that make no sense, as a *BadValue.
	Check() error

	// Trials lists the trials of one target, without repeats. Only Via, Path, Labels
	// and Least of the trials need be set, and Most of those that are repeated less than
	// the others. Where there is no trial, reason may say why this target is left out.
	Trials(t Target) (trials []Trial, reason string)

	// RunTrial runs a trial within Trial.Limit or a little over, and hands the sink
	// one row per invocation. An invocation that fails is a row; an error means that
	// the trial could not be run.
	RunTrial(ctx context.Context, env *Env, t Trial, sink *Sink) error
}

// Table makes all experiments there are, each with its default parameters.
type Table func() []Experiment

// named returns the experiment of a name.
func (all Table) named(name string) (Experiment, bool) {
	for _, e := range all() {
		if e.Name() == name {
			return e, true
		}
	}
	return nil, false
}

func (all Table) names() []string {
	var names []string
	for _, e := range all() {
		names = append(names, e.Name())
	}
	return names
}
