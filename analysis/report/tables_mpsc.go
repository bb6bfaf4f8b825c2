package report

import (
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// mpscTable shows the round trips of each schedule.
func mpscTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentMPSC, Title: "MPSC: round trips by schedule, ms",
		Columns: []Column{backendColumn, runtimeColumn,
			key("schedule", "Who chose the provider: the adaptive schedule, or one provider always."),
			nColumn, p50Column, p90Column, p99Column, errorsColumn, warningsColumn},
	}
	for _, e := range s.Find(summary.Query{Experiment: record.ExperimentMPSC, Metric: summary.MetricErrorRate}) {
		r := s.One(summary.Query{Experiment: record.ExperimentMPSC, Backend: e.Backend, Runtime: e.Runtime,
			Metric: summary.MetricLatency, Labels: e.Labels})
		t.add(dash(e.Backend), e.Runtime, dash(e.Label(record.LabelSchedule)), samples(e), median(r, 1), p90(r), p99(r),
			failures(e), kinds(r, e))
	}
	return t
}

// speedupTable is the paper's claim: adaptive against each fixed choice.
func speedupTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentMPSC + "-speedup", Title: "MPSC: speed-up of the adaptive schedule, by mean round trips",
		Note: "Above 1: adaptive is faster than always calling that provider. n: correct replies, of the side " +
			"that has fewer. Failed calls are in the table before, not here.",
		Columns: []Column{backendColumn, runtimeColumn, key("over", "The provider that is always called."),
			figures("n", Detail, "The number of correct replies, of the side that has fewer."),
			figures("speed-up", Main, "The mean round trip of that provider over that of the adaptive "+
				"schedule."), warningsColumn},
	}
	for _, r := range s.Find(summary.Query{Experiment: record.ExperimentMPSC, Metric: summary.MetricSpeedup}) {
		t.add(dash(r.Backend), r.Runtime, r.Label(summary.LabelOver), samples(r), median(r, 1), kinds(r))
	}
	return t
}
