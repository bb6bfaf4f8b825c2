package summary

import (
	"slices"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// results turns a run's data into results, in order.
func results(d *Data) []Result {
	out := []Result{}
	for _, s := range d.Series {
		out = append(out, ofSeries(s)...)
	}
	out = append(out, ofQuantities(d)...)
	out = append(out, speedups(d)...)
	slices.SortStableFunc(out, func(a, b Result) int { return Less(&a, &b) })
	return out
}

// ofSeries are the results that follow from one series' invocations.
func ofSeries(s *Series) []Result {
	var out []Result
	common := s.warnings()
	if r, ok := s.latencies(MetricLatency, func(t *Trial) []float64 { return t.Latency }); ok {
		r.Warnings = append(r.Warnings, common...)
		out = append(out, r)
	}
	for _, stage := range Stages {
		if r, ok := s.latencies(MetricStageLatency, func(t *Trial) []float64 { return t.stages[stage] }); ok &&
			s.has(stage) {
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

func (s *Series) has(stage string) bool {
	return slices.ContainsFunc(s.Trials, func(t *Trial) bool { return len(t.stages[stage]) > 0 })
}

// latencies is the result of one value per invocation; false where there is no value.
func (s *Series) latencies(metric string, of func(*Trial) []float64) (Result, bool) {
	r := s.Result(metric, "ms")
	var trials []statistics.Trial
	var all []float64
	for _, t := range s.Trials {
		sorted, dropped := statistics.Clean(slices.Clone(of(t)))
		if dropped > 0 {
			r.Warnings = append(r.Warnings, Warn(WarnInvalid, "%d of trial %d are no numbers", dropped, t.Number))
		}
		if len(sorted) > 0 {
			trials = append(trials, statistics.Trial{Number: t.Number, Block: t.Block,
				Value: statistics.Quantile(0.5, sorted)})
			all = append(all, sorted...)
		}
	}
	if len(all) == 0 {
		return r, false
	}
	slices.Sort(all)
	r.N, r.P999 = len(all), statistics.Quantile(0.999, all)
	r.setMoments(all)
	r.setTrials(trials)
	r.Warnings = append(r.Warnings, sampleWarnings(r)...)
	return r, true
}

// errorRate is the share of failures among all invocations of the series.
func (s *Series) errorRate() (Result, bool) {
	r := s.Result(MetricErrorRate, record.UnitCount)
	var shares []statistics.Share
	var trials []statistics.Trial
	failed := 0
	for _, t := range s.Trials {
		if n := t.Failed + len(t.Latency); n > 0 {
			shares = append(shares, statistics.Share{Hits: t.Failed, N: n})
			trials = append(trials, statistics.Trial{Number: t.Number, Block: t.Block,
				Value: float64(t.Failed) / float64(n)})
			failed, r.N = failed+t.Failed, r.N+n
		}
	}
	if r.N == 0 {
		return r, false
	}
	r.setMoments(statistics.Values(trials))
	r.P50 = float64(failed) / float64(r.N)
	r.setInterval(statistics.ShareInterval(shares), trials)
	return r, true
}

// ofQuantities are the results that have one value per trial.
func ofQuantities(d *Data) []Result {
	groups := map[string][]Quantity{}
	for _, f := range d.Quantities() {
		k := f.key() + "\x00" + f.Metric + "\x00" + f.Unit
		groups[k] = append(groups[k], f)
	}
	var out []Result
	for _, k := range sortedKeys(groups) {
		out = append(out, ofGroup(groups[k]))
	}
	return out
}

func ofGroup(group []Quantity) Result {
	r := group[0].Result(group[0].Metric, group[0].Unit)
	var trials []statistics.Trial
	for _, f := range group {
		if finite(f.Value) {
			trials = append(trials, statistics.Trial{Number: f.trial, Block: f.block, Value: f.Value})
		}
	}
	if dropped := len(group) - len(trials); dropped > 0 {
		r.Warnings = append(r.Warnings, Warn(WarnInvalid, "%d trials gave no number", dropped))
	}
	if len(trials) == 0 {
		return r
	}
	r.N = len(trials)
	r.setMoments(statistics.Values(trials))
	r.setTrials(trials)
	if detail := group[0].detail; detail != "" {
		r.Labels[record.LabelDetail] = detail
	}
	r.Warnings = append(r.Warnings, quantityWarnings(r, group)...)
	return r
}
