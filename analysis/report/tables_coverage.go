package report

import (
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// coverageTables say how far throughput trials did what they were to do, one table a
// runtime: a row for each point of the figure. Records of earlier versions do not tell.
func coverageTables(s *summary.Summary) []*Table {
	var all []*Table
	for _, rt := range s.Runtimes(record.ExperimentThroughput) {
		t := &Table{
			Name:  record.ExperimentThroughput + "-coverage-" + rt,
			Title: "What the throughput trials covered, " + rt,
			Note: "A rate is counted once every function has answered and the platform's places are taken. A call " +
				"that finds its function's sandbox busy or evicted is not hot.",
			Columns: []Column{backendColumn, figures("M", Key, "The number of unique functions that are called in "+
				"turn."),
				trialsColumn, figures("filled", Useful, "Functions that had answered when the count began."),
				figures("called", Useful, "Functions that answered in the count."),
				figures("completions", Detail, "Correct replies in the count, of one trial."),
				figures("hot, %", Main, "Completions that came from an idle sandbox of the function."),
				figures("replies/s", Main, "Correct replies a second."),
				cpuColumn, warningsColumn},
		}
		for _, filled := range s.Find(summary.Query{Experiment: record.ExperimentThroughput, Runtime: rt,
			Metric: record.MetricFilled}) {
			t.add(coverageRow(s, filled)...)
		}
		all = append(all, t)
	}
	return all
}

func coverageRow(s *summary.Summary, filled *summary.Result) []string {
	q := summary.Query{Experiment: filled.Experiment, Backend: filled.Backend, Runtime: filled.Runtime,
		Labels: map[string]string{summary.LabelVia: filled.Label(summary.LabelVia),
			record.LabelFunctions: filled.Label(record.LabelFunctions)}}
	of := func(metric string) *summary.Result { q.Metric = metric; return s.One(q) }
	rate, cpu := of(record.MetricThroughput), of(record.MetricCPUTime)
	return []string{filled.Backend, filled.Label(record.LabelFunctions), samples(filled), middle(filled),
		middle(of(record.MetricDistinct)), middle(of(record.MetricCompletions)), percent(of(record.MetricHotShare)),
		median(rate, 1), median(cpu, 1), kinds(filled, rate, cpu)}
}

// cpuColumn is the processor time of a call.
var cpuColumn = figures("CPU ms a call", Useful, "User and system time of all that belongs to a call: its "+
	"sandbox, the platform, and the work between calls.")

// middle is a result's median without its interval.
func middle(r *summary.Result) string {
	return value(r, func(r *summary.Result) float64 { return r.P50 })
}

// percent is a share as a percentage.
func percent(r *summary.Result) string {
	return value(r, func(r *summary.Result) float64 { return 100 * r.P50 })
}
