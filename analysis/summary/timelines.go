package summary

import (
	"slices"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Quantities are the values of whole trials: those that the records measured, and those
// that follow from a trial's invocations.
func (d *Data) Quantities() []Quantity { return slices.Concat(d.measured, throughputs(d), bursts(d)) }

// bursts are the quantities of burst trials: the longest silence of the background, the
// slowest reply, and the moment at which the first failed call was due.
func bursts(d *Data) []Quantity {
	var out []Quantity
	for _, s := range d.Series {
		if s.Experiment != record.ExperimentBurst {
			continue
		}
		for _, t := range s.Trials {
			put := func(metric, unit string, value float64) {
				out = append(out, Quantity{Identity: s.Identity, Metric: metric, Unit: unit, trial: t.Number,
					block: t.Block, Value: value, busy: t.busy})
			}
			if s.Labels[record.LabelLoad] == record.LoadBackground {
				if v, ok := longestSilence(t.Points); ok {
					put(MetricLongestSilence, "s", v)
				}
			}
			if len(t.Latency) > 0 {
				put(MetricMaxLatency, "ms", slices.Max(t.Latency))
			}
			if at, ok := firstError(t.Points); ok {
				put(MetricFirstError, "s", at)
			}
		}
	}
	return out
}

func firstError(points []Point) (seconds float64, ok bool) {
	for _, p := range points {
		if !p.OK && (!ok || p.At < seconds) {
			seconds, ok = p.At, true
		}
	}
	return seconds, ok
}

// longestSilence is the longest time without a correct reply, from the first
// call to the last.
func longestSilence(points []Point) (seconds float64, ok bool) {
	if len(points) == 0 {
		return 0, false
	}
	first, last := points[0].At, points[0].At
	var replies []float64
	for _, p := range points {
		first, last = min(first, p.At), max(last, p.At)
		if p.OK {
			replies = append(replies, p.At+p.Latency/1000)
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

// speedups compare each fixed schedule of experiment mpsc with the adaptive one, by the
// trials' mean latencies of correct replies.
func speedups(d *Data) []Result {
	var out []Result
	for _, adaptive := range d.Series {
		if adaptive.Experiment != record.ExperimentMPSC ||
			adaptive.Labels[record.LabelSchedule] != record.ScheduleAdaptive {
			continue
		}
		for _, fixed := range d.Series {
			if r, ok := speedup(adaptive, fixed); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

func speedup(adaptive, fixed *Series) (Result, bool) {
	over := fixed.Labels[record.LabelSchedule]
	if fixed.Experiment != record.ExperimentMPSC || over == record.ScheduleAdaptive ||
		fixed.Backend != adaptive.Backend || fixed.Runtime != adaptive.Runtime || fixed.Via != adaptive.Via {
		return Result{}, false
	}
	a, b := adaptive.means(), fixed.means()
	ratio := statistics.Ratio(b, a)
	if !finite(ratio.Value, ratio.Low, ratio.High) {
		return Result{}, false
	}
	r := adaptive.Result(MetricSpeedup, record.UnitCount)
	delete(r.Labels, record.LabelSchedule)
	r.Labels[LabelOver] = over
	r.N = min(len(adaptive.Pooled()), len(fixed.Pooled()))
	r.setMoments([]float64{ratio.Value})
	r.P50 = ratio.Value
	if ratio.Pairs != nil {
		r.setMoments(statistics.Values(ratio.Pairs))
	}
	r.setInterval(ratio.Interval, ratio.Pairs)
	r.Warnings = append(r.Warnings, trialWarnings(r)...)
	return r, true
}

// means are the trials' mean latencies.
func (s *Series) means() []statistics.Trial {
	var all []statistics.Trial
	for _, t := range s.Trials {
		if sorted, _ := statistics.Clean(slices.Clone(t.Latency)); len(sorted) > 0 {
			all = append(all, statistics.Trial{Number: t.Number, Block: t.Block, Value: statistics.Mean(sorted)})
		}
	}
	return all
}

// throughputs are those of trials whose records have no measured one: correct
// replies a second, from the first scheduled call to the last correct reply. A measured
// throughput is better: the harness knows its window exactly.
func throughputs(d *Data) []Quantity {
	measured := map[int]bool{}
	for _, f := range d.measured {
		if f.Metric == record.MetricThroughput {
			measured[f.trial] = true
		}
	}
	var out []Quantity
	for _, s := range d.Series {
		if s.Experiment != record.ExperimentThroughput {
			continue
		}
		for _, t := range s.Trials {
			if measured[t.Number] {
				continue
			}
			f := Quantity{Identity: s.Identity, Metric: record.MetricThroughput, Unit: record.UnitRate, trial: t.Number,
				block: t.Block, busy: t.busy}
			if window := float64(t.end-t.begin) / 1e9; len(t.Latency) > 0 && window > 0 {
				f.Value = float64(len(t.Latency)) / window
			}
			out = append(out, f)
		}
	}
	return out
}
