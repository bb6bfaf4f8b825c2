package analysis

import (
	"math"
	"slices"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// resampleSeed makes intervals the same each time a report is drawn.
const resampleSeed = 1

// results turns a run's data into results, in order.
func results(d *data) []Result {
	out := []Result{}
	for _, s := range d.series {
		out = append(out, ofSeries(s)...)
	}
	out = append(out, ofQuantities(d)...)
	out = append(out, speedups(d)...)
	slices.SortStableFunc(out, func(a, b Result) int { return Less(&a, &b) })
	return out
}

// ofSeries are the results that follow from one series' invocations.
func ofSeries(s *series) []Result {
	var out []Result
	common := s.warnings()
	if r, ok := s.latencies(MetricLatency, func(t *trial) []float64 { return t.latency }); ok {
		r.Warnings = append(r.Warnings, common...)
		out = append(out, r)
	}
	for _, stage := range Stages {
		if r, ok := s.latencies(MetricStageLatency, func(t *trial) []float64 { return t.stages[stage] }); ok && s.has(stage) {
			r.Labels[LabelStage] = stage
			out = append(out, r)
		}
	}
	if r, ok := s.errorRate(); ok {
		r.Warnings = append(r.Warnings, common...)
		out = append(out, r)
	}
	return out
}

func (s *series) has(stage string) bool {
	return slices.ContainsFunc(s.trials, func(t *trial) bool { return len(t.stages[stage]) > 0 })
}

func (s *series) result(metric, unit string) Result {
	return s.identity.result(metric, unit)
}

func (a identity) result(metric, unit string) Result {
	labels := map[string]string{}
	for k, v := range a.labels {
		labels[k] = v
	}
	if a.via != "" {
		labels[LabelVia] = a.via
	}
	return Result{Experiment: a.experiment, Backend: a.backend, Runtime: a.runtime, Path: a.path, Metric: metric, Unit: unit, Labels: labels, Warnings: []Warning{}}
}

// latencies is one value an invocation. The second result is false where there
// is none.
func (s *series) latencies(metric string, of func(*trial) []float64) (Result, bool) {
	r := s.result(metric, "ms")
	var trials [][]float64
	for _, t := range s.trials {
		sorted, dropped := statistics.Clean(slices.Clone(of(t)))
		if dropped > 0 {
			r.Warnings = append(r.Warnings, warning(WarnInvalid, "%d of trial %d are no numbers", dropped, t.number))
		}
		if len(sorted) > 0 {
			trials = append(trials, sorted)
		}
	}
	if len(trials) == 0 {
		return r, false
	}
	all := trials[0]
	if len(trials) > 1 {
		all = slices.Concat(trials...)
		slices.Sort(all)
	}
	r.setQuantiles(all)
	r.P999 = statistics.Quantile(0.999, all)
	r.setInterval(statistics.ClusterInterval(trials, resampleSeed))
	r.Warnings = append(r.Warnings, sampleWarnings(r, len(trials))...)
	return r, true
}

func (r *Result) setQuantiles(sorted []float64) {
	r.N = len(sorted)
	r.P50, r.P90, r.P99 = statistics.Quantile(0.5, sorted), statistics.Quantile(0.9, sorted), statistics.Quantile(0.99, sorted)
}

// setInterval keeps the median inside: the pooled median of trials may lie a
// step beside those of their representatives.
func (r *Result) setInterval(i statistics.Interval) {
	r.CILow, r.CIHigh = r.P50, r.P50
	if !math.IsNaN(i.Low) && !math.IsNaN(i.High) {
		r.CILow, r.CIHigh = math.Min(i.Low, r.P50), math.Max(i.High, r.P50)
	}
}

// errorRate is the share of failures among all invocations of the series.
func (s *series) errorRate() (Result, bool) {
	r := s.result(MetricErrorRate, record.UnitCount)
	var shares []float64
	failed := 0
	for _, t := range s.trials {
		if n := t.failed + len(t.latency); n > 0 {
			shares = append(shares, float64(t.failed)/float64(n))
			failed, r.N = failed+t.failed, r.N+n
		}
	}
	if r.N == 0 {
		return r, false
	}
	sorted, _ := statistics.Clean(shares)
	r.P50, r.P90, r.P99 = float64(failed)/float64(r.N), statistics.Quantile(0.9, sorted), statistics.Quantile(0.99, sorted)
	r.setInterval(statistics.Proportion(failed, r.N))
	return r, true
}

// ofQuantities are the results that have one value a trial: what the records
// measured, and what follows from a trial as a whole.
func ofQuantities(d *data) []Result {
	all := slices.Concat(d.quantities, throughputs(d), bursts(d))
	groups := map[string][]quantity{}
	for _, f := range all {
		k := f.key() + "\x00" + f.metric + "\x00" + f.unit
		groups[k] = append(groups[k], f)
	}
	var out []Result
	for _, k := range sortedKeys(groups) {
		out = append(out, ofGroup(groups[k]))
	}
	return out
}

func ofGroup(group []quantity) Result {
	r := group[0].result(group[0].metric, group[0].unit)
	var values []float64
	for _, f := range group {
		values = append(values, f.value)
	}
	sorted, dropped := statistics.Clean(values)
	if dropped > 0 {
		r.Warnings = append(r.Warnings, warning(WarnInvalid, "%d trials gave no number", dropped))
	}
	if len(sorted) == 0 {
		return r
	}
	r.setQuantiles(sorted)
	r.P50 = statistics.Median(sorted)
	if len(sorted) < statistics.FewTrials {
		r.setInterval(statistics.Interval{Low: sorted[0], High: sorted[len(sorted)-1]})
	} else {
		r.setInterval(statistics.MedianInterval(sorted))
	}
	if detail := group[0].detail; detail != "" {
		r.Labels[record.LabelDetail] = detail
	}
	r.Warnings = append(r.Warnings, quantityWarnings(r, group)...)
	return r
}

// throughputs are those of trials whose records have no measured one: correct
// replies a second, from the first scheduled call to the last correct reply. Where the
// harness measured it, it knew its window better, and its figure stands.
func throughputs(d *data) []quantity {
	measured := map[int]bool{}
	for _, f := range d.quantities {
		if f.metric == record.MetricThroughput {
			measured[f.trial] = true
		}
	}
	var out []quantity
	for _, s := range d.series {
		if s.experiment != record.ExperimentThroughput {
			continue
		}
		for _, t := range s.trials {
			if measured[t.number] {
				continue
			}
			f := quantity{identity: s.identity, metric: record.MetricThroughput, unit: record.UnitRate, trial: t.number, busy: t.busy}
			if window := float64(t.end-t.begin) / 1e9; len(t.latency) > 0 && window > 0 {
				f.value = float64(len(t.latency)) / window
			}
			out = append(out, f)
		}
	}
	return out
}
