package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// throughputTables are figure 4 of the paper, one table a runtime: a row for
// each M, a column for each backend.
func throughputTables(s *summary.Summary) ([]*Table, error) {
	paper, err := reference.Throughputs()
	if err != nil {
		return nil, err
	}
	var all []*Table
	for _, rt := range s.Runtimes(record.ExperimentThroughput) {
		q := summary.Query{Experiment: record.ExperimentThroughput, Runtime: rt, Metric: record.MetricThroughput}
		backends := s.BackendsOf(q)
		t := &Table{
			Name:  record.ExperimentThroughput + "-" + rt,
			Title: "Throughput against the number of unique functions M, " + rt + ", correct replies a second",
			Note:  gainNote(s) + bracketNote(s, q) + " p99 latencies and error rates are in summary.json.",
		}
		t.Columns = []Column{figures("M", Key, "The number of unique functions that are called in turn."), trialsColumn}
		for _, b := range backends {
			t.Columns = append(t.Columns, figures(b, Series, "Correct replies a second of that backend, with an "+
				"interval, and how many times more than the baseline."))
		}
		t.Columns = append(t.Columns,
			figures(reference.Label+": SEUSS", Detail, "Figure 4 of the paper, read out of the drawing."),
			figures(reference.Label+": Linux", Detail, "Figure 4 of the paper, read out of the drawing."),
			warningsColumn)
		for _, m := range s.LabelValues(q, record.LabelFunctions) {
			t.add(throughputRow(s, q, backends, m, paper)...)
		}
		all = append(all, t)
	}
	return all, nil
}

func throughputRow(s *summary.Summary, q summary.Query, backends []string, m string,
	paper []reference.Throughput) []string {
	q.Labels = map[string]string{record.LabelFunctions: m}
	base := s.AtBaseline(q)
	var cells []string
	var results []*summary.Result
	for _, b := range backends {
		q.Backend = b
		r := s.One(q)
		results = append(results, r)
		cells = append(cells, throughputCell(s, r, base, b))
	}
	cells = append([]string{m, trialsOf(results)}, cells...)
	i := slices.IndexFunc(paper, func(p reference.Throughput) bool { return strconv.Itoa(p.Functions) == m })
	if i < 0 {
		return append(cells, none, none, kinds(results...))
	}
	return append(cells, quoted(paper[i].SEUSS), quoted(paper[i].Linux), kinds(results...))
}

// bracketNote explains the brackets of throughputCell where there are some.
func bracketNote(s *summary.Summary, q summary.Query) string {
	if slices.ContainsFunc(s.Find(q), func(r *summary.Result) bool { return !r.Covered() }) {
		return " In brackets: not every function answered, or there were too few replies."
	}
	return ""
}

// throughputCell is a rate with its gain. A rate that does not cover its M is in brackets
// and has no gain.
func throughputCell(s *summary.Summary, r, base *summary.Result, backend string) string {
	switch {
	case r == nil || r.N == 0:
		return none
	case !r.Covered():
		return "(" + median(r, 1) + ")"
	}
	cell := median(r, 1)
	if g := gain(r, base, false); backend != s.Baseline() && g != none && base.Covered() {
		cell += ", " + g
	}
	return cell
}

// traceTable shows the calls of a trial file in the format of the paper's authors.
func traceTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentTrace, Title: "Trace: the calls of a file in its order, by closed-loop clients; " +
			"latency in ms",
		Note: gainNote(s) + " All paths together: a function's first call is colder than its later ones.",
		Columns: []Column{backendColumn, runtimeColumn,
			key("via", "The way to the function: the sandbox, the worker or the gateway."),
			key("clients", "The number of clients, each of which calls when its last call is answered."),
			nColumn, p50Column, p90Column, p99Column, gainColumn(s, "", Useful),
			figures("calls/s", Main, "Correct replies a second."), gainColumn(s, "calls/s", Detail),
			errorsColumn, warningsColumn},
	}
	for _, e := range s.Find(summary.Query{Experiment: record.ExperimentTrace, Metric: summary.MetricErrorRate}) {
		of := func(metric string) (r, base *summary.Result) {
			q := summary.Query{Experiment: record.ExperimentTrace, Runtime: e.Runtime, Metric: metric, Labels: e.Labels}
			base = s.AtBaseline(q)
			q.Backend = e.Backend
			return s.One(q), base
		}
		latency, base := of(summary.MetricLatency)
		rate, baseRate := of(record.MetricThroughput)
		t.add(e.Backend, e.Runtime, e.Label(summary.LabelVia), e.Label(record.LabelClients), samples(e),
			median(latency, 1), p90(latency), p99(latency), gain(latency, base, true),
			median(rate, 1), gain(rate, baseRate, false), failures(e), kinds(latency, e, rate))
	}
	return t
}

// densityTable is table 3 of the paper.
func densityTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentDensity, Title: "Density and creation rate",
		Note: gainNote(s) + " MB are 10^6 bytes; the paper's MB each is 88 GB divided by the number of instances. " +
			"Peak: of all together while each answered one more call. Swapped: the compressed memory that the pages " +
			"went to is counted.",
		Columns: []Column{backendColumn, runtimeColumn,
			key("state", "What an instance has done when its memory is read: booted, served one call, or since then "+
				"idle, paused (frozen) or swapped (paused, its pages moved to compressed memory)."),
			trialsColumn, figures("instances", Detail, "The number of instances that lived together."),
			figures("MB each", Main, "The memory that one more instance takes, MB of 10^6 bytes."),
			gainColumn(s, "", Useful),
			figures("creations/s", Main, "Instances made a second."), gainColumn(s, "creation", Detail),
			figures("wake ms", Useful,
				"Latency of one more call to each instance in its state, resume included."),
			figures("unanswered", Detail, "Instances that did not answer that call."),
			figures("budget", Extra, "The memory that the instances of a trial could take together."),
			figures("peak GB", Extra, "The most memory of all together while each answered one more call."),
			words("memory from", Extra, "How memory was measured; two sources are not compared."), warningsColumn},
	}
	for _, r := range s.Find(summary.Query{Experiment: record.ExperimentDensity,
		Metric: record.MetricBytesPerInstance}) {
		q := summary.Query{Experiment: record.ExperimentDensity, Runtime: r.Runtime,
			Labels: map[string]string{record.LabelState: r.Label(record.LabelState)}}
		of := func(metric, backend string) *summary.Result { q.Metric, q.Backend = metric, backend; return s.One(q) }
		again := func(metric string) summary.Query {
			return summary.Query{Experiment: q.Experiment, Backend: r.Backend, Runtime: q.Runtime, Metric: metric,
				Path: record.PathHot, Labels: q.Labels}
		}
		base := s.Baseline()
		rate, instances, peak := of(record.MetricCreationRate, r.Backend), of(record.MetricInstances, r.Backend),
			of(record.MetricPeakMemory, r.Backend)
		wake, unanswered := s.One(again(summary.MetricLatency)), s.One(again(summary.MetricErrorRate))
		budget := none
		if instances != nil {
			budget = dash(instances.Label(record.LabelBudget))
		}
		t.add(r.Backend, r.Runtime, dash(r.Label(record.LabelState)), samples(r), median(instances, 1), median(r, mega),
			gain(r, of(record.MetricBytesPerInstance, base), true),
			median(rate, 1), gain(rate, of(record.MetricCreationRate, base), false), median(wake, 1),
			failures(unanswered), budget, median(peak, giga),
			dash(r.Label(summary.LabelSource)), kinds(r, rate, instances, unanswered, peak))
	}
	for _, p := range reference.Isolations() {
		t.addPaper(reference.Label+": "+p.Name, reference.Runtime, record.StateBooted, none, quoted(p.Instances),
			number(p.MBEach()), none, quoted(p.Creations), none, none, none, "88GB", none, none, "")
	}
	return t
}

// burstTable is figures 6 to 8 of the paper.
func burstTable(s *summary.Summary) *Table {
	t := &Table{
		Name: record.ExperimentBurst, Title: "Bursts of a new CPU-bound function over an I/O background",
		Note: "Silence: the longest time without a correct reply to the background.",
		Columns: []Column{backendColumn, runtimeColumn, key("period", "The time from one burst to the next."),
			trialsColumn, figures("burst n", Extra, "The number of calls in bursts."),
			figures("burst errors", Useful, "How many of them failed."),
			figures("burst p50 ms", Main, "The median latency of calls in bursts."),
			figures("burst p99 ms", Extra, "99 of 100 calls in bursts took at most so long."),
			figures("max s", Detail, "The slowest correct reply of a burst."),
			figures("background n", Extra, "The number of calls of the background."),
			figures("background errors", Useful, "How many of them failed."),
			figures("background p50 ms", Main, "The median latency of the background."),
			figures("background p99 ms", Detail, "99 of 100 calls of the background took at most so long."),
			figures("silence s", Detail, "The longest time without a correct reply to the background."),
			figures("first error s", Extra, "When the first call that failed was due, from the trial's start."),
			warningsColumn},
	}
	for _, e := range s.Find(summary.Query{Experiment: record.ExperimentBurst, Metric: summary.MetricErrorRate,
		Labels: map[string]string{record.LabelLoad: record.LoadBurst}}) {
		t.add(burstRow(s, e)...)
	}
	for _, p := range reference.Bursts() {
		first := "none"
		if p.FirstError > 0 {
			first = quoted(p.FirstError)
		}
		t.addPaper(reference.Label+": "+p.System, reference.Runtime, fmt.Sprintf("%ds", p.Period), none, none, none,
			none, none, quoted(p.MaxLatency), none, none, none, none, none, first, "")
	}
	return t
}

func burstRow(s *summary.Summary, burst *summary.Result) []string {
	q := summary.Query{Experiment: record.ExperimentBurst, Backend: burst.Backend, Runtime: burst.Runtime}
	of := func(metric, load string) *summary.Result {
		q.Metric = metric
		q.Labels = map[string]string{record.LabelPeriod: burst.Label(record.LabelPeriod),
			summary.LabelVia: burst.Label(summary.LabelVia), record.LabelLoad: load}
		return s.One(q)
	}
	bl, gl := of(summary.MetricLatency, record.LoadBurst), of(summary.MetricLatency, record.LoadBackground)
	ge, longest := of(summary.MetricErrorRate, record.LoadBackground), of(summary.MetricMaxLatency, record.LoadBurst)
	first := firstOf(of(summary.MetricFirstError, record.LoadBurst),
		of(summary.MetricFirstError, record.LoadBackground))
	silence := of(summary.MetricLongestSilence, record.LoadBackground)
	return []string{burst.Backend, burst.Runtime, burst.Label(record.LabelPeriod), samples(silence), samples(burst),
		failures(burst), median(bl, 1), p99(bl), median(longest, 1000),
		samples(ge), failures(ge), median(gl, 1), p99(gl), median(silence, 1), first,
		kinds(bl, burst, gl, ge, longest, silence)}
}

// firstOf is the earlier of two first errors.
func firstOf(a, b *summary.Result) string {
	switch {
	case a == nil && b == nil:
		return "none"
	case a == nil || b != nil && b.P50 < a.P50:
		return median(b, 1)
	}
	return median(a, 1)
}

// surfaceTable shows what each backend isolates, as probed in a running sandbox.
func surfaceTable(s *summary.Summary) *Table {
	q := summary.Query{Experiment: record.ExperimentSurface}
	t := &Table{Name: record.ExperimentSurface, Title: "What each backend isolates, probed in a running sandbox",
		Columns: []Column{key("feature", "What is looked at from within the sandbox.")}}
	columns := s.Targets(q)
	for _, c := range columns {
		t.Columns = append(t.Columns, words(strings.TrimSpace(c.Backend+" "+c.Runtime), Series,
			"Whether the backend isolates it, or how many of it a function can reach; in brackets, what was seen."))
	}
	for _, feature := range s.LabelValues(q, record.LabelFeature) {
		cells := []string{feature}
		for _, c := range columns {
			q := summary.Query{Experiment: record.ExperimentSurface, Backend: c.Backend, Runtime: c.Runtime,
				Labels: map[string]string{record.LabelFeature: feature}}
			cells = append(cells, surfaceCell(s.One(q)))
		}
		if feature != "" {
			t.add(cells...)
		}
	}
	return t
}

func surfaceCell(r *summary.Result) string {
	if r == nil || r.N == 0 {
		return none
	}
	cell := number(r.P50)
	switch {
	case r.CILow < r.CIHigh:
		cell = fmt.Sprintf("%s to %s, trials differ", number(r.CILow), number(r.CIHigh))
		if r.Unit == record.UnitBool {
			cell = "trials differ"
		}
	case r.Unit == record.UnitBool && r.P50 > 0:
		cell = "yes"
	case r.Unit == record.UnitBool:
		cell = "no"
	}
	if d := r.Label(record.LabelDetail); d != "" {
		cell += " (" + d + ")"
	}
	return cell
}
