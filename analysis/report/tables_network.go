package report

import (
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// networkTable shows what each network of a backend costs when a sandbox is made.
func networkTable(s *summary.Summary) *Table {
	const without = "none" // a namespace with a loopback alone
	t := &Table{
		Name: record.ExperimentNetwork, Title: "New sandboxes by the network that they are on",
		Note: "Gain: how many times better than the same backend without a network. Pooled: a bridge, with " +
			"namespaces that were made and joined to the bridge before.",
		Columns: []Column{backendColumn, runtimeColumn,
			key("network", "none: a namespace with a loopback; host: the host's; bridge: a namespace joined to a "+
				"bridge; pooled: as bridge, made before."),
			trialsColumn,
			figures("boot p50 ms [95 % CI]", Main, "From nothing to the first reply, one sandbox at a time."),
			figures("boot p99 ms", Detail, "The same, 99th percentile."),
			figures("latency gain over none", Useful, "Against the same backend without a network."),
			figures("made/s [95 % CI]", Main, "Sandboxes made, called once and removed a second, one at a time for "+
				"each core."),
			figures("rate gain over none", Useful, "Against the same backend without a network."),
			figures("errors", Detail, "Sandboxes that did not reply."), warningsColumn},
	}
	for _, r := range s.Find(summary.Query{Experiment: record.ExperimentNetwork, Metric: summary.MetricLatency,
		Path: record.PathBoot, Labels: map[string]string{record.LabelLoad: ""}}) {
		of := func(metric, network, load string) *summary.Result {
			return s.One(summary.Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Metric: metric,
				Labels: map[string]string{record.LabelNetwork: network, record.LabelLoad: load}})
		}
		network := r.Label(record.LabelNetwork)
		rate := of(record.MetricCreationRate, network, "")
		alone, together := of(summary.MetricErrorRate, network, ""),
			of(summary.MetricErrorRate, network, record.LoadClosed)
		t.add(r.Backend, r.Runtime, network, samples(rate), median(r, 1), p99(r),
			gain(r, of(summary.MetricLatency, without, ""), true), median(rate, 1),
			gain(rate, of(record.MetricCreationRate, without, ""), false), failures(alone, together),
			kinds(r, rate, alone, together))
	}
	return t
}
