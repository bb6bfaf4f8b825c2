package summary

import (
	"maps"
	"math"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// resampleSeed makes intervals the same each time a report is drawn.
const resampleSeed = 1

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

func (r *Result) setQuantiles(sorted []float64) {
	r.N = len(sorted)
	r.P50, r.P90, r.P99 = statistics.Quantile(0.5, sorted), statistics.Quantile(0.9, sorted),
		statistics.Quantile(0.99, sorted)
}

// setInterval keeps the median inside: the pooled median of trials may lie a
// step beside those of their representatives.
func (r *Result) setInterval(i statistics.Interval) {
	r.CILow, r.CIHigh = r.P50, r.P50
	if !math.IsNaN(i.Low) && !math.IsNaN(i.High) {
		r.CILow, r.CIHigh = math.Min(i.Low, r.P50), math.Max(i.High, r.P50)
	}
}
