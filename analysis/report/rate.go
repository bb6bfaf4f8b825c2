package report

import (
	"strconv"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// starts are the kinds of cold start, in the order of the line styles.
var starts = []string{record.StartSnapshot, record.StartStem, record.StartStemAO, record.StartBoot}

// rateFigure is the latency of new functions against the rate at which they are offered: a
// colour a backend, a line style a kind of start.
func rateFigure(s *summary.Summary, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName("rate", rt), Title: "Latency of new functions against their rate, " + rt, Tag: tag("", rt, ""),
		Caption: "Open loop: every call is of a function that was never called, and its latency counts from the " +
			"moment when it was due. Medians and 99th percentiles of the calls of all trials; intervals are those " +
			"of the medians. Hollow: the rate was not kept, and the latency grows with the length of the trial.",
		Data: [][]string{{"backend", "start", "offered_1_s", "p50_ms", "p99_ms", "ci_low", "ci_high",
			"saturated"}}, Height: 3.4 * vg.Inch,
		Width: 8.6 * vg.Inch,
	}
	mid := figure.NewPanel("p50", "new functions, 1/s", "latency, ms").LogX().LogY()
	tail := figure.NewPanel("p99", "new functions, 1/s", "").LogX().LogY()
	q := summary.Query{Experiment: record.ExperimentRate, Runtime: rt, Metric: summary.MetricLatency}
	backends := s.BackendsOf(q)
	used := map[string]bool{}
	for _, q.Backend = range backends {
		for i, start := range starts {
			q.Labels = map[string]string{record.LabelStart: start}
			var p50s, p99s []figure.Point
			for _, r := range s.Find(q) {
				x, err := strconv.ParseFloat(r.Label(record.LabelRate), 64)
				if err != nil || r.N == 0 {
					continue
				}
				used[start] = true
				p50, p99 := point(x, r, 1), figure.Point{X: x, Y: r.P99}
				if r.Saturated() {
					p50.Hollow, p99.Hollow = "the rate was not kept", "the rate was not kept"
				}
				p50s, p99s = append(p50s, p50), append(p99s, p99)
				mid.RangeY(r.P50, r.P99)
				tail.RangeY(r.P50, r.P99)
				f.Data = append(f.Data, []string{r.Backend, start, exact(x), exact(r.P50), exact(r.P99),
					exact(r.CILow), exact(r.CIHigh), strconv.FormatBool(r.Saturated())})
			}
			c := figure.Color(q.Backend, s.Backends())
			mid.Of(tag(q.Backend, rt, start)).Curve(p50s, c, figure.Dashes(i))
			tail.Of(tag(q.Backend, rt, start)).Curve(p99s, c, figure.Dashes(i))
		}
	}
	if len(used) == 0 {
		return nil
	}
	f.Legend = backendEntries(s, backends)
	for i, start := range starts {
		if used[start] {
			f.Legend = append(f.Legend, figure.Entry{Name: start, Thumb: figure.Line(figure.Black, figure.Dashes(i))})
		}
	}
	f.Panels = [][]*figure.Panel{{mid, tail}}
	return f
}

// rateTable has a row for each rate of new functions.
func rateTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentRate, Title: "New functions in an open loop: latency against the offered rate, ms",
		Note: "Every call is of a function that was never called; its latency counts from the moment when it was " +
			"due. Saturated: the rate was not kept, and the latency grows with the length of the trial.",
		Columns: []Column{backendColumn, runtimeColumn,
			key("start", "What the cold call starts from: boot, a stem cell with or without steps of anticipatory "+
				"optimisation, a runtime snapshot."),
			figures("offered, 1/s", Key, "New functions a second, in the mean."), nColumn, p50Column, p99Column,
			figures("answered, 1/s", Main, "Correct replies a second until the last."),
			figures("given up", Detail, "Calls that were due and not sent within twice the time of the arrivals."),
			cpuColumn, errorsColumn, warningsColumn},
	}
	for _, e := range s.Find(summary.Query{Experiment: record.ExperimentRate, Metric: summary.MetricErrorRate}) {
		q := summary.Query{Experiment: e.Experiment, Backend: e.Backend, Runtime: e.Runtime, Labels: e.Labels}
		of := func(metric string) *summary.Result { q.Metric = metric; return s.One(q) }
		l, cpu := of(summary.MetricLatency), of(record.MetricCPUTime)
		t.add(e.Backend, e.Runtime, e.Label(record.LabelStart), e.Label(record.LabelRate), samples(l), median(l, 1),
			p99(l), middle(of(record.MetricThroughput)), middle(of(record.MetricUnsent)),
			median(cpu, 1), failures(e), kinds(l, e, cpu))
	}
	return t
}
