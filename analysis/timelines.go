package analysis

import (
	"slices"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// bursts are what a burst trial says as a whole: the longest silence of its
// background, its slowest reply, and when its first failure was due.
func bursts(d *data) []quantity {
	var out []quantity
	for _, s := range d.series {
		if s.experiment != record.ExperimentBurst {
			continue
		}
		for _, t := range s.trials {
			put := func(metric, unit string, value float64) {
				out = append(out, quantity{identity: s.identity, metric: metric, unit: unit, trial: t.number, value: value, busy: t.busy})
			}
			if s.labels[record.LabelLoad] == record.LoadBackground {
				if v, ok := longestSilence(t.points); ok {
					put(MetricLongestSilence, "s", v)
				}
			}
			if len(t.latency) > 0 {
				put(MetricMaxLatency, "ms", slices.Max(t.latency))
			}
			if at, ok := firstError(t.points); ok {
				put(MetricFirstError, "s", at)
			}
		}
	}
	return out
}

func firstError(points []point) (seconds float64, ok bool) {
	for _, p := range points {
		if !p.ok && (!ok || p.at < seconds) {
			seconds, ok = p.at, true
		}
	}
	return seconds, ok
}

// longestSilence is the longest time without a correct reply, from the first
// call to the last.
func longestSilence(points []point) (seconds float64, ok bool) {
	if len(points) == 0 {
		return 0, false
	}
	first, last := points[0].at, points[0].at
	var replies []float64
	for _, p := range points {
		first, last = min(first, p.at), max(last, p.at)
		if p.ok {
			replies = append(replies, p.at+p.latency/1000)
		}
	}
	slices.Sort(replies)
	before := first
	for _, at := range append(replies, last) {
		seconds = max(seconds, at-before)
		before = max(before, at)
	}
	return seconds, true
}

// speedups compare, in mpsc, each fixed schedule with the adaptive one, by the
// mean latency of correct replies. The trials of one repeat, which meet the same
// weather, are the same in number.
func speedups(d *data) []Result {
	var out []Result
	for _, adaptive := range d.series {
		if adaptive.experiment != record.ExperimentMPSC || adaptive.labels[record.LabelSchedule] != record.ScheduleAdaptive {
			continue
		}
		for _, fixed := range d.series {
			if r, ok := speedup(adaptive, fixed); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

func speedup(adaptive, fixed *series) (Result, bool) {
	over := fixed.labels[record.LabelSchedule]
	if fixed.experiment != record.ExperimentMPSC || over == record.ScheduleAdaptive || fixed.backend != adaptive.backend || fixed.runtime != adaptive.runtime || fixed.via != adaptive.via {
		return Result{}, false
	}
	a, b := adaptive.pooled(), fixed.pooled()
	if len(b) == 0 || !(statistics.Mean(a) > 0) {
		return Result{}, false
	}
	r := adaptive.result(MetricSpeedup, record.UnitCount)
	delete(r.Labels, record.LabelSchedule)
	r.Labels[LabelOver] = over
	r.N = min(len(a), len(b))
	ratio := statistics.Mean(b) / statistics.Mean(a)
	r.P50, r.P90, r.P99 = ratio, ratio, ratio
	r.setInterval(statistics.ClusterRatioInterval(fixed.latenciesByTrial(), adaptive.latenciesByTrial(), resampleSeed))
	r.Warnings = append(r.Warnings, trialWarnings(r, min(len(adaptive.trials), len(fixed.trials)))...)
	return r, true
}

// pooled is the latencies of all trials, in order.
func (s *series) pooled() []float64 { return slices.Concat(s.latenciesByTrial()...) }

func (s *series) latenciesByTrial() [][]float64 {
	var all [][]float64
	for _, t := range s.trials {
		all = append(all, t.latency)
	}
	return all
}
