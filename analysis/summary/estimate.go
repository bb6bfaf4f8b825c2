package summary

import (
	"maps"
	"math"
	"slices"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Result is a result of the identity, without figures.
func (a Identity) Result(metric, unit string) Result {
	labels := map[string]string{}
	maps.Copy(labels, a.Labels)
	if a.Via != "" {
		labels[LabelVia] = a.Via
	}
	return Result{
		Experiment: a.Experiment, Backend: a.Backend, Runtime: a.Runtime, Path: a.Path,
		Metric: metric, Unit: unit, Labels: labels, Warnings: []Warning{},
	}
}

// setMoments describes the values behind a result, in any order, P50 left out.
func (r *Result) setMoments(values []float64) {
	sorted, _ := statistics.Clean(slices.Clone(values))
	r.P90, r.P99 = statistics.Quantile(0.9, sorted), statistics.Quantile(0.99, sorted)
	r.P95, r.Mean, r.SD = known(statistics.Quantile(0.95, sorted)), known(statistics.Mean(sorted)),
		known(statistics.Deviation(sorted))
}

// known is nil for what is not a number.
func known(v float64) *float64 {
	if !finite(v) {
		return nil
	}
	return &v
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// setTrials makes the median of the trials the result's P50.
func (r *Result) setTrials(trials []statistics.Trial) {
	values := statistics.Values(trials)
	r.P50 = statistics.Median(values)
	r.setInterval(statistics.MedianInterval(values), trials)
}

func (r *Result) setInterval(i statistics.Interval, trials []statistics.Trial) {
	r.CILow, r.CIHigh, r.Interval, r.Trials, r.PerTrial = i.Low, i.High, i.Kind, i.Trials, trials
}

// Bounds is the interval of P50.
func (r *Result) Bounds() statistics.Interval {
	return statistics.Interval{Low: r.CILow, High: r.CIHigh, Kind: r.Interval, Trials: r.Trials}
}

// Gain tells how many times as large r is as base, over trials; see statistics.Ratio.
func (r *Result) Gain(base *Result) statistics.Estimate {
	return statistics.Ratio(r.PerTrial, base.PerTrial)
}

// Above tells by how much r is larger than base, over trials; see statistics.Difference.
func (r *Result) Above(base *Result) statistics.Estimate {
	return statistics.Difference(r.PerTrial, base.PerTrial)
}
