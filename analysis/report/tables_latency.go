package report

import (
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// deployTable is table 1 of the paper, for every backend, runtime and path.
func deployTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentDeploy, Title: "Deploy: latency of a NOP by path, ms",
		Note: gainNote(s) + " Stages are medians and need not add up.",
		Columns: []Column{backendColumn, runtimeColumn, pathColumn, nColumn, p50Column, p90Column, p99Column,
			figures("p99.9", Extra, "999 of 1,000 calls took at most so long."), gainColumn(s, "", Useful),
			words("stages", Extra, "The medians of what the call was made of: queue, boot, deploy, import, capture, "+
				"run."),
			errorsColumn, warningsColumn},
	}
	for _, r := range s.Find(summary.Query{Experiment: record.ExperimentDeploy, Metric: summary.MetricLatency}) {
		q := summary.Query{Experiment: record.ExperimentDeploy, Backend: r.Backend, Runtime: r.Runtime, Path: r.Path,
			Metric: summary.MetricErrorRate, Labels: r.Labels}
		t.add(r.Backend, r.Runtime, pathName(r), samples(r), median(r, 1), p90(r), p99(r), p999(r),
			gain(r, baseOf(s, r), true), stageMedians(s, r), failures(s.One(q)), kinds(r))
	}
	for _, q := range allFailed(s, record.ExperimentDeploy) {
		t.add(q.Backend, q.Runtime, pathName(q), "0", none, none, none, none, none, none, failures(q), kinds(q))
	}
	for _, p := range reference.Paths() {
		t.addPaper(reference.Label, reference.Runtime, p.Path, count(reference.PathInvocations),
			quoted(p.Millis)+" (mean)", none, none, none, none, none, none, "")
	}
	return t
}

// stageMedians are the medians of the stages that make up a latency.
func stageMedians(s *summary.Summary, r *summary.Result) string {
	var all []string
	for _, stage := range summary.Stages {
		labels := map[string]string{summary.LabelStage: stage}
		for k, v := range r.Labels {
			labels[k] = v
		}
		if x := s.One(summary.Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Path: r.Path,
			Metric: summary.MetricStageLatency, Labels: labels}); x != nil {
			all = append(all, stage+" "+number(x.P50))
		}
	}
	return dash(strings.Join(all, ", "))
}

// allFailed lists the error rates of the series in which no invocation succeeded.
func allFailed(s *summary.Summary, experiment string) []*summary.Result {
	var all []*summary.Result
	for _, r := range s.Find(summary.Query{Experiment: experiment, Metric: summary.MetricErrorRate}) {
		if r.P50 == 1 {
			all = append(all, r)
		}
	}
	return all
}

// overheadTable compares a hot NOP on the bare sandbox with the same one
// through the worker and through the gateway.
func overheadTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentOverhead, Title: "Overhead: a hot NOP on the sandbox, through the worker and through " +
			"the gateway, p50 in ms",
		Note: "Aims for Node.js: worker at most 0.03 ms and gateway at most 0.25 ms above the sandbox. " +
			"Differences: the median over the blocks of trials.",
		Columns: []Column{backendColumn, runtimeColumn,
			figures("n each", Extra, "The number of correct replies of each way into the sandbox."),
			figures("sandbox", Main, "The median of calls on the sandbox itself."),
			figures("worker", Useful, "The median of calls through the worker, in the harness' process."),
			figures("gateway", Useful, "The median of calls through the whole platform, over HTTP."),
			figures("worker − sandbox", Detail, "What the worker adds."),
			figures("gateway − sandbox", Detail, "What the whole platform adds."), trialsColumn,
			figures("gateway, 1/s", Detail, "Calls a second through the gateway, by clients that call as fast "+
				"as they can."),
			errorsColumn, warningsColumn},
	}
	for _, pair := range s.Targets(summary.Query{Experiment: record.ExperimentOverhead,
		Metric: summary.MetricErrorRate}) {
		for _, pace := range overheadPaces(s) {
			t.addOverhead(s, pair, pace)
		}
	}
	if slices.Equal(overheadPaces(s), []string{""}) {
		return t
	}
	// A record of an earlier version names no pace.
	t.Columns = slices.Insert(t.Columns, 2, key("pace", "How calls follow one another: back to back, or 50 ms after "+
		"the reply."))
	return t
}

// overheadPaces are the paces of a run's overhead; one empty one for a run of an earlier
// version.
func overheadPaces(s *summary.Summary) []string {
	return s.LabelValues(summary.Query{Experiment: record.ExperimentOverhead, Metric: summary.MetricErrorRate},
		record.LabelPace)
}

// addOverhead adds the row of one pace. Without a pace the row has no cell for it.
func (t *Table) addOverhead(s *summary.Summary, pair summary.Target, pace string) {
	of := func(metric string, labels map[string]string) *summary.Result {
		labels[record.LabelPace] = pace
		return s.One(summary.Query{Experiment: record.ExperimentOverhead, Backend: pair.Backend,
			Runtime: pair.Runtime, Metric: metric, Labels: labels})
	}
	var latencies, errors []*summary.Result
	for _, via := range []string{record.ViaSandbox, record.ViaWorker, record.ViaGateway} {
		latencies, errors = append(latencies, of(summary.MetricLatency, oneCall(via))),
			append(errors, of(summary.MetricErrorRate, oneCall(via)))
	}
	sandbox, worker, gateway := latencies[0], latencies[1], latencies[2]
	rate := of(record.MetricThroughput, map[string]string{summary.LabelVia: record.ViaGateway})
	cells := []string{pair.Backend, pair.Runtime}
	if pace != "" {
		cells = append(cells, pace)
	}
	t.add(append(cells, trialsOf(latencies), median(sandbox, 1), median(worker, 1), median(gateway, 1),
		difference(worker, sandbox), difference(gateway, sandbox), samples(rate), median(rate, 1),
		failures(errors...), kinds(slices.Concat(latencies, errors, []*summary.Result{rate})...))...)
}

// appsTable is the application suite, by path.
func appsTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentApps, Title: "Applications: latency by path, ms", Note: gainNote(s),
		Columns: []Column{key("application", "The application that was called."), backendColumn, runtimeColumn,
			pathColumn, nColumn, p50Column, p90Column, p99Column, gainColumn(s, "", Useful), errorsColumn,
			warningsColumn},
	}
	for _, e := range s.Find(summary.Query{Experiment: record.ExperimentApps, Metric: summary.MetricErrorRate}) {
		q := summary.Query{Experiment: record.ExperimentApps, Runtime: e.Runtime, Path: e.Path, Labels: e.Labels,
			Metric: summary.MetricLatency, Backend: e.Backend}
		r := s.One(q)
		over := none
		if r != nil {
			over = gain(r, baseOf(s, r), true)
		}
		t.add(e.Label(record.LabelApp), e.Backend, e.Runtime, pathName(e), samples(r), median(r, 1), p90(r), p99(r),
			over, failures(e), kinds(r, e))
	}
	return t
}

// aoTable is table 2 of the paper, with the sizes of the snapshots.
func aoTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentAO, Title: "Anticipatory optimisation: latency in ms (p50), snapshots in MB",
		Note: "Each row adds steps to those that run before the runtime snapshot is taken.",
		Columns: []Column{backendColumn, runtimeColumn,
			key("steps", "The steps that ran before the runtime snapshot was taken."),
			figures("cold n", Extra, "The number of correct cold replies."),
			figures("cold", Main, "The median of cold calls, ms."),
			figures("warm n", Extra, "The number of correct warm replies."),
			figures("warm", Main, "The median of warm calls, ms."), trialsColumn,
			figures("runtime snapshot", Detail, "The pages that the runtime snapshot holds, MB of 10^6 bytes."),
			figures("function snapshot", Useful, "The pages in which the function snapshot differs from the "+
				"runtime's, MB of 10^6 bytes."),
			errorsColumn, warningsColumn},
	}
	if _, alone := ladder(s.LabelValues(summary.Query{Experiment: record.ExperimentAO}, record.LabelAO)); alone != nil {
		t.Note = "Rows of one step show the step alone; each longer row adds a step to those that run before the " +
			"runtime snapshot is taken."
	}
	for _, pair := range s.Targets(summary.Query{Experiment: record.ExperimentAO, Metric: summary.MetricErrorRate}) {
		for _, steps := range s.LabelValues(summary.Query{Experiment: record.ExperimentAO, Backend: pair.Backend,
			Runtime: pair.Runtime, Metric: summary.MetricErrorRate}, record.LabelAO) {
			of := func(metric, path string) *summary.Result {
				return s.One(summary.Query{Experiment: record.ExperimentAO, Backend: pair.Backend,
					Runtime: pair.Runtime, Metric: metric, Path: path,
					Labels: map[string]string{record.LabelAO: steps}})
			}
			cold, warm := of(summary.MetricLatency, record.PathCold), of(summary.MetricLatency, record.PathWarm)
			runtime, function := of(record.MetricRuntimeSnapshot, ""), of(record.MetricFunctionSnapshot, "")
			failed := []*summary.Result{of(summary.MetricErrorRate, record.PathCold),
				of(summary.MetricErrorRate, record.PathWarm)}
			t.add(pair.Backend, pair.Runtime, steps, samples(cold), median(cold, 1), samples(warm), median(warm, 1),
				samples(function), median(runtime, mega), median(function, mega),
				failures(failed...), kinds(append(failed, cold, warm, runtime, function)...))
		}
	}
	for _, a := range reference.AOSteps() {
		t.addPaper(reference.Label, reference.Runtime, a.Steps, none, quoted(a.ColdMillis), none, quoted(a.WarmMillis),
			none, quoted(a.RuntimeSnapshotMB), quoted(a.FunctionSnapshotMB), none, "")
	}
	return t
}
