package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
)

// deployTable is table 1 of the paper, for every backend, runtime and path.
func deployTable(s *Summary) *Table {
	t := &Table{
		Name: record.ExperimentDeploy, Title: "Deploy: latency of a NOP by path, ms",
		Note:    s.gainNote() + " Stages are medians and need not add up.",
		Columns: []string{"backend", "runtime", "path", "n", "p50 [95 % CI]", "p90", "p99", "p99.9", s.gainColumn(), "stages", "errors", warningsColumn},
		text:    3,
	}
	for _, r := range s.Find(Query{Experiment: record.ExperimentDeploy, Metric: MetricLatency}) {
		q := Query{Experiment: record.ExperimentDeploy, Backend: r.Backend, Runtime: r.Runtime, Path: r.Path, Metric: MetricErrorRate, Labels: r.Labels}
		base := s.atBaseline(Query{Experiment: record.ExperimentDeploy, Runtime: r.Runtime, Path: r.Path, Metric: MetricLatency, Labels: r.Labels})
		t.add(r.Backend, r.Runtime, dash(r.Path), samples(r), median(r, 1), p90(r), p99(r), r.p999(), gain(r, base, true), s.stages(r), failures(s.One(q)), kinds(r))
	}
	for _, q := range s.allFailed(record.ExperimentDeploy) {
		t.add(q.Backend, q.Runtime, dash(q.Path), "0", none, none, none, none, none, none, failures(q), kinds(q))
	}
	for _, p := range reference.Paths() {
		t.addPaper(reference.Label, reference.Runtime, p.Path, count(reference.PathInvocations), quoted(p.Millis)+" (mean)", none, none, none, none, none, none, "")
	}
	return t
}

func (r *Result) p999() string {
	if r.N < 10_000 {
		return none // too few, see statistics.MinFor
	}
	return number(r.P999)
}

// stages are the medians of the stages that make up a latency.
func (s *Summary) stages(r *Result) string {
	var all []string
	for _, stage := range Stages {
		labels := map[string]string{LabelStage: stage}
		for k, v := range r.Labels {
			labels[k] = v
		}
		if x := s.One(Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Path: r.Path, Metric: MetricStageLatency, Labels: labels}); x != nil {
			all = append(all, stage+" "+number(x.P50))
		}
	}
	return dash(strings.Join(all, ", "))
}

// allFailed are error rates of series in which no invocation succeeded.
func (s *Summary) allFailed(experiment string) []*Result {
	var all []*Result
	for _, r := range s.Find(Query{Experiment: experiment, Metric: MetricErrorRate}) {
		if r.P50 == 1 {
			all = append(all, r)
		}
	}
	return all
}

// overheadTable compares a hot NOP on the bare sandbox with the same one
// through the worker and through the gateway.
func overheadTable(s *Summary) *Table {
	t := &Table{
		Name: record.ExperimentOverhead, Title: "Overhead: a hot NOP on the sandbox, through the worker and through the gateway, p50 in ms",
		Note: "Aims for Node.js: worker at most 0.03 ms and gateway at most 0.25 ms above the sandbox. The intervals of differences reach from end to end of those of both sides.",
		Columns: []string{"backend", "runtime", "n each", "sandbox [95 % CI]", "worker [95 % CI]", "gateway [95 % CI]", "worker − sandbox", "gateway − sandbox", "trials", "gateway, 1/s [95 % CI]",
			"errors", warningsColumn},
		text: 2,
	}
	for _, pair := range s.targets(Query{Experiment: record.ExperimentOverhead, Metric: MetricErrorRate}) {
		of := func(metric string, labels map[string]string) *Result {
			return s.One(Query{Experiment: record.ExperimentOverhead, Backend: pair[0], Runtime: pair[1], Metric: metric, Labels: labels})
		}
		var latencies, errors []*Result
		for _, via := range []string{record.ViaSandbox, record.ViaWorker, record.ViaGateway} {
			latencies, errors = append(latencies, of(MetricLatency, oneCall(via))), append(errors, of(MetricErrorRate, oneCall(via)))
		}
		sandbox, worker, gateway := latencies[0], latencies[1], latencies[2]
		rate := of(record.MetricThroughput, map[string]string{LabelVia: record.ViaGateway})
		t.add(pair[0], pair[1], trialsOf(latencies), median(sandbox, 1), median(worker, 1), median(gateway, 1),
			difference(worker, sandbox), difference(gateway, sandbox), samples(rate), median(rate, 1), failures(errors...), kinds(slices.Concat(latencies, errors, []*Result{rate})...))
	}
	return t
}

// oneCall selects the calls that were made one at a time, not those that
// measured what the gateway can do.
func oneCall(via string) map[string]string {
	return map[string]string{LabelVia: via, record.LabelLoad: ""}
}

// difference is that of two medians, with the widest interval that theirs allow.
func difference(a, b *Result) string {
	if a == nil || b == nil {
		return none
	}
	return fmt.Sprintf("%+.3f [%+.3f, %+.3f]", a.P50-b.P50, a.CILow-b.CIHigh, a.CIHigh-b.CILow)
}

// appsTable is the application suite, by path.
func appsTable(s *Summary) *Table {
	t := &Table{
		Name: record.ExperimentApps, Title: "Applications: latency by path, ms", Note: s.gainNote(),
		Columns: []string{"application", "backend", "runtime", "path", "n", "p50 [95 % CI]", "p90", "p99", s.gainColumn(), "errors", warningsColumn},
		text:    4,
	}
	for _, e := range s.Find(Query{Experiment: record.ExperimentApps, Metric: MetricErrorRate}) {
		q := Query{Experiment: record.ExperimentApps, Runtime: e.Runtime, Path: e.Path, Labels: e.Labels, Metric: MetricLatency}
		base := s.atBaseline(q)
		q.Backend = e.Backend
		r := s.One(q)
		t.add(e.Label(record.LabelApp), e.Backend, e.Runtime, dash(e.Path), samples(r), median(r, 1), p90(r), p99(r), gain(r, base, true), failures(e), kinds(r, e))
	}
	return t
}

// aoTable is table 2 of the paper, with the sizes of the snapshots.
func aoTable(s *Summary) *Table {
	t := &Table{
		Name: record.ExperimentAO, Title: "Anticipatory optimisation: latency in ms (p50), snapshots in MB",
		Note: "Each row adds steps to those that run before the runtime snapshot is taken.",
		Columns: []string{"backend", "runtime", "steps", "cold n", "cold [95 % CI]", "warm n", "warm [95 % CI]", "trials", "runtime snapshot [95 % CI]", "function snapshot [95 % CI]",
			"errors", warningsColumn},
		text: 3,
	}
	for _, pair := range s.targets(Query{Experiment: record.ExperimentAO, Metric: MetricErrorRate}) {
		for _, steps := range s.labelValues(Query{Experiment: record.ExperimentAO, Backend: pair[0], Runtime: pair[1], Metric: MetricErrorRate}, record.LabelAO) {
			of := func(metric, path string) *Result {
				return s.One(Query{Experiment: record.ExperimentAO, Backend: pair[0], Runtime: pair[1], Metric: metric, Path: path, Labels: map[string]string{record.LabelAO: steps}})
			}
			cold, warm := of(MetricLatency, record.PathCold), of(MetricLatency, record.PathWarm)
			runtime, function := of(record.MetricRuntimeSnapshot, ""), of(record.MetricFunctionSnapshot, "")
			failed := []*Result{of(MetricErrorRate, record.PathCold), of(MetricErrorRate, record.PathWarm)}
			t.add(pair[0], pair[1], steps, samples(cold), median(cold, 1), samples(warm), median(warm, 1), samples(function), median(runtime, mega), median(function, mega),
				failures(failed...), kinds(append(failed, cold, warm, runtime, function)...))
		}
	}
	for _, a := range reference.AOSteps() {
		t.addPaper(reference.Label, reference.Runtime, a.Steps, none, quoted(a.ColdMillis), none, quoted(a.WarmMillis), none, quoted(a.RuntimeSnapshotMB), quoted(a.FunctionSnapshotMB), none, "")
	}
	return t
}

const (
	mega = 1e6
	giga = 1e9
)
