package report

import (
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// schedulingTable shows what SCHED_BATCH of the platform's threads brings.
func schedulingTable(s *summary.Summary) *Table {
	t := &Table{
		Name:  record.ExperimentScheduling,
		Title: "SCHED_BATCH of the platform's threads under oversubscription: hot calls a second, with it and without",
		Columns: []Column{backendColumn, runtimeColumn, trialsColumn,
			figures("SCHED_BATCH", Main, "Correct replies a second with sched_batch: auto, the default."),
			figures("without", Main, "Correct replies a second with sched_batch: off."),
			figures("with over without", Useful, "How many times more with it, by the medians."), warningsColumn},
	}
	q := summary.Query{Experiment: record.ExperimentScheduling, Metric: record.MetricThroughput}
	for _, target := range s.Targets(q) {
		of := func(mode string) *summary.Result {
			own := q
			own.Backend, own.Runtime, own.Labels = target.Backend, target.Runtime,
				map[string]string{record.LabelBatch: mode}
			return s.One(own)
		}
		auto, off := of("auto"), of("off")
		t.add(target.Backend, target.Runtime, trialsOf([]*summary.Result{auto, off}), median(auto, 1), median(off, 1),
			gain(auto, off, false), kinds(auto, off))
	}
	return t
}
