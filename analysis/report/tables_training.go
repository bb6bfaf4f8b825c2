package report

import (
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// trainingTable shows a function after training runs with and without the training
// function of its kind: leave-one-out.
func trainingTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentTraining, Title: "Training: latency in ms (p50) by what the training runs were of",
		Note: "No training function is measured. What the training runs bring is the gain of without over none; " +
			"what they bring only to a function whose kind was trained is the gain of with over without.",
		Columns: []Column{key("application", "The function that was called; nop does nothing."),
			words("kind", Useful, "The training function that does work of the application's kind, which is left out."),
			backendColumn, runtimeColumn, pathColumn, trialsColumn,
			figures("none, ms", Main, "No step learnt from training functions."),
			figures("without, ms", Main, "Training runs of the training functions but that of the application's kind."),
			figures("with, ms", Main, "Training runs of that of the application's kind as well."),
			figures("without over none", Main, "How many times better with the others than with none; the median "+
				"over the blocks of trials."),
			figures("with over without", Main, "How many times better with that of the application's kind than "+
				"without it; the median over the blocks of trials."),
			figures("snapshot none, MB", Useful, "The function snapshot where nothing learnt, MB of 10^6 bytes."),
			figures("snapshot without, MB", Useful, "The function snapshot without the training function of its "+
				"kind, MB of 10^6 bytes."),
			figures("snapshot with, MB", Useful, "The function snapshot with it, MB of 10^6 bytes."),
			errorsColumn, warningsColumn},
	}
	q := summary.Query{Experiment: record.ExperimentTraining, Metric: summary.MetricErrorRate,
		Labels: map[string]string{record.LabelTraining: record.TrainingWith}}
	for _, e := range s.Find(q) {
		of := func(metric, set string) *summary.Result {
			q := summary.Query{Experiment: e.Experiment, Backend: e.Backend, Runtime: e.Runtime, Metric: metric,
				Labels: map[string]string{record.LabelLike: e.Label(record.LabelLike), record.LabelTraining: set}}
			if metric != record.MetricFunctionSnapshot {
				q.Path = e.Path
			}
			return s.One(q)
		}
		latency := func(set string) *summary.Result { return of(summary.MetricLatency, set) }
		size := func(set string) string {
			if e.Path != record.PathWarm {
				return none
			}
			return median(of(record.MetricFunctionSnapshot, set), mega)
		}
		no, without, with := latency(record.TrainingNone), latency(record.TrainingWithout), latency(record.TrainingWith)
		failed := []*summary.Result{e, of(summary.MetricErrorRate, record.TrainingNone),
			of(summary.MetricErrorRate, record.TrainingWithout)}
		t.add(e.Label(record.LabelApp), e.Label(record.LabelLike), e.Backend, e.Runtime, pathName(e),
			trialsOf([]*summary.Result{no, without, with}), median(no, 1), median(without, 1), median(with, 1),
			gain(without, no, true), gain(with, without, true),
			size(record.TrainingNone), size(record.TrainingWithout), size(record.TrainingWith),
			failures(failed...), kinds(append(failed, no, without, with)...))
	}
	return t
}
