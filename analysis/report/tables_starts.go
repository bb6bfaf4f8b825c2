package report

import (
	"maps"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// pathName is a result's path, with the start of a cold call and the pace of hot calls.
func pathName(r *summary.Result) string { return pathVariant(r.Path, r.Labels) }

func pathVariant(path string, labels map[string]string) string {
	name := dash(path)
	if start := labels[record.LabelStart]; start != "" && start != path {
		name += ", " + start
	}
	if pace := labels[record.LabelPace]; pace != "" {
		name += ", " + pace
	}
	return name
}

// baseOf is the baseline's result that a result is compared with. A clone of a runtime
// snapshot is compared with the baseline's stem cell that ran the same steps.
func baseOf(s *summary.Summary, r *summary.Result) *summary.Result {
	q := summary.Query{Experiment: r.Experiment, Runtime: r.Runtime, Path: r.Path, Metric: r.Metric, Labels: r.Labels}
	base := s.AtBaseline(q)
	if base == nil && r.Label(record.LabelStart) == record.StartSnapshot {
		q.Labels = maps.Clone(r.Labels)
		q.Labels[record.LabelStart] = record.StartStemAO
		base = s.AtBaseline(q)
	}
	return base
}

// deployLatency is the latency of a path as the paper measures it: hot calls back to back,
// cold ones from a runtime snapshot where there are any. A record of an earlier version
// names neither.
func deployLatency(s *summary.Summary, t summary.Target, path string) *summary.Result {
	q := summary.Query{Experiment: record.ExperimentDeploy, Backend: t.Backend, Runtime: t.Runtime, Path: path,
		Metric: summary.MetricLatency}
	for _, l := range [][2]string{{record.LabelPace, record.PaceTight}, {record.LabelStart, record.StartSnapshot}} {
		q.Labels = map[string]string{l[0]: l[1]}
		if r := s.One(q); r != nil {
			return r
		}
	}
	q.Labels = nil
	return s.One(q)
}

// startsTable shows each kind of cold start with what it costs before its call.
func startsTable(s *summary.Summary) *Table {
	t := &Table{
		Name: startsKind, Title: "Cold starts: latency of a NOP, and what each start costs",
		Note: "A stem cell is a booted runtime without a function, one for each call; 'ao': after the steps of " +
			"anticipatory optimisation. All calls of kind snapshot share one snapshot, which takes the memory once.",
		Columns: []Column{backendColumn, runtimeColumn,
			key("start", "What the cold call starts from: boot, a stem cell with or without steps of anticipatory "+
				"optimisation, a runtime snapshot."),
			figures("p50, ms", Main, "The median latency of a cold call."),
			gainColumn(s, "", Useful),
			figures("CPU time, ms", Main, "User and system time a call, of all that belongs to the call, "+
				"falling between calls included."),
			figures("refill, 1/s", Main, "Stem cells that one starter makes a second, one after the "+
				"other."),
			figures("memory, MB", Useful, "What one stem cell holds, or the one runtime snapshot, MB of "+
				"10^6 bytes."),
			words("memory source", Extra, "Where the memory figure comes from."),
			warningsColumn},
	}
	for _, r := range s.Find(summary.Query{Experiment: record.ExperimentDeploy, Metric: summary.MetricLatency}) {
		start := r.Label(record.LabelStart)
		if start == "" {
			continue
		}
		of := func(metric string) *summary.Result {
			return s.One(summary.Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Metric: metric,
				Labels: map[string]string{record.LabelStart: start}})
		}
		cpu, rate, memory := of(record.MetricCPUTime), of(record.MetricRefillRate), of(record.MetricStemMemory)
		if start == record.StartSnapshot {
			memory = of(record.MetricRuntimeSnapshot)
		}
		source := none
		if memory != nil {
			source = dash(memory.Label(summary.LabelSource))
		}
		t.add(r.Backend, r.Runtime, start, median(r, 1), gain(r, baseOf(s, r), true), median(cpu, 1), median(rate, 1),
			median(memory, mega), source, kinds(r, cpu, rate, memory))
	}
	return t
}
