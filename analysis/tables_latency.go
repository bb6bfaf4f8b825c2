package analysis

import (
	"fmt"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
)

// deployTable is table 1 of the paper, for every backend, runtime and path.
func deployTable(s *Summary) *Table {
	t := &Table{
		Name: Deploy, Title: "Deploy: latency of a NOP by path, ms",
		Note:    s.gainNote() + " Stages are medians and need not add up.",
		Columns: []string{"backend", "runtime", "path", "n", "p50 [95 % CI]", "p90", "p99", "p99.9", s.gainColumn(), "stages", "errors", warningsColumn},
		text:    3,
	}
	for _, r := range s.Find(Query{Experiment: Deploy, Metric: MetricLatency}) {
		q := Query{Experiment: Deploy, Backend: r.Backend, Runtime: r.Runtime, Path: r.Path, Metric: MetricErrorRate, Labels: r.Labels}
		base := s.atBaseline(Query{Experiment: Deploy, Runtime: r.Runtime, Path: r.Path, Metric: MetricLatency, Labels: r.Labels})
		t.add(r.Backend, r.Runtime, dash(r.Path), samples(r), median(r, 1), p90(r), p99(r), r.p999(), gain(r, base, true), s.stages(r), failures(s.One(q)), kinds(r))
	}
	for _, q := range s.allFailed(Deploy) {
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
		Name: Overhead, Title: "Overhead: a hot NOP on the sandbox, through the worker and through the gateway, p50 in ms",
		Note:    "Aims for Node.js: worker at most 0.03 ms and gateway at most 0.25 ms above the sandbox.",
		Columns: []string{"backend", "runtime", "n", "sandbox", "worker", "gateway", "worker − sandbox", "gateway − sandbox", "gateway, 1/s", warningsColumn},
		text:    2,
	}
	for _, sandbox := range s.Find(Query{Experiment: Overhead, Metric: MetricLatency, Labels: oneCall("sandbox")}) {
		q := Query{Experiment: Overhead, Backend: sandbox.Backend, Runtime: sandbox.Runtime, Path: sandbox.Path, Metric: MetricLatency}
		via := func(name string) *Result {
			q.Labels = oneCall(name)
			return s.One(q)
		}
		worker, gateway := via("worker"), via("gateway")
		rate := s.One(Query{Experiment: Overhead, Backend: sandbox.Backend, Runtime: sandbox.Runtime, Metric: record.MetricThroughput, Labels: map[string]string{LabelVia: "gateway"}})
		t.add(sandbox.Backend, sandbox.Runtime, samples(sandbox), median(sandbox, 1), median(worker, 1), median(gateway, 1),
			difference(worker, sandbox), difference(gateway, sandbox), median(rate, 1), kinds(sandbox, worker, gateway))
	}
	return t
}

// oneCall selects the calls that were made one at a time, not those that
// measured what the gateway can do.
func oneCall(via string) map[string]string {
	return map[string]string{LabelVia: via, record.LabelLoad: ""}
}

func difference(a, b *Result) string {
	if a == nil || b == nil {
		return none
	}
	return fmt.Sprintf("%+.3f", a.P50-b.P50)
}

// appsTable is the application suite, by path.
func appsTable(s *Summary) *Table {
	t := &Table{
		Name: Apps, Title: "Applications: latency by path, ms", Note: s.gainNote(),
		Columns: []string{"application", "backend", "runtime", "path", "n", "p50 [95 % CI]", "p90", "p99", s.gainColumn(), "errors", warningsColumn},
		text:    4,
	}
	for _, r := range s.Find(Query{Experiment: Apps, Metric: MetricLatency}) {
		q := Query{Experiment: Apps, Runtime: r.Runtime, Path: r.Path, Labels: r.Labels, Metric: MetricLatency}
		base := s.atBaseline(q)
		q.Backend, q.Metric = r.Backend, MetricErrorRate
		t.add(r.Label(record.LabelApp), r.Backend, r.Runtime, dash(r.Path), samples(r), median(r, 1), p90(r), p99(r), gain(r, base, true), failures(s.One(q)), kinds(r))
	}
	return t
}

// aoTable is table 2 of the paper, with the sizes of the snapshots.
func aoTable(s *Summary) *Table {
	t := &Table{
		Name: AO, Title: "Anticipatory optimisation: latency in ms (p50), snapshots in MB",
		Note:    "Each row adds steps to those that run before the runtime snapshot is taken.",
		Columns: []string{"backend", "runtime", "steps", "n", "cold [95 % CI]", "warm [95 % CI]", "runtime snapshot", "function snapshot", warningsColumn},
		text:    3,
	}
	for _, cold := range s.Find(Query{Experiment: AO, Metric: MetricLatency, Path: "cold"}) {
		q := Query{Experiment: AO, Backend: cold.Backend, Runtime: cold.Runtime, Metric: MetricLatency, Path: "warm", Labels: map[string]string{record.LabelAO: cold.Label(record.LabelAO)}}
		warm := s.One(q)
		q.Path = ""
		size := func(metric string) *Result { q.Metric = metric; return s.One(q) }
		t.add(cold.Backend, cold.Runtime, cold.Label(record.LabelAO), samples(cold), median(cold, 1), median(warm, 1),
			megabytes(size(record.MetricRuntimeSnapshot)), megabytes(size(record.MetricFunctionSnapshot)), kinds(cold, warm))
	}
	for _, a := range reference.AOSteps() {
		t.addPaper(reference.Label, reference.Runtime, a.Steps, none, quoted(a.ColdMillis), quoted(a.WarmMillis), quoted(a.RuntimeSnapshotMB), quoted(a.FunctionSnapshotMB), "")
	}
	return t
}

const mega = 1e6

func megabytes(r *Result) string {
	if r == nil || r.N == 0 {
		return none
	}
	return number(r.P50 / mega)
}
