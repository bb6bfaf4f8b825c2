package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

const (
	mega = 1e6
	giga = 1e9
)

// none is the cell of a figure that was not measured.
const none = "–"

// number is v with three significant digits, thousands separated.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return none
	case a < 1e6 && a == math.Trunc(a):
		return humanize.Comma(int64(v))
	case a >= 1000:
		return humanize.Comma(int64(math.Round(v)))
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// quoted is a figure of the paper with the paper's digits; 0 stands for a figure that the
// paper does not give.
func quoted(v float64) string {
	if v == 0 {
		return none
	}
	return humanize.Commaf(v)
}

func count(n int) string { return humanize.Comma(int64(n)) }

// median is a result's p50 with its interval, both divided by unit.
func median(r *summary.Result, unit float64) string {
	if r == nil || r.N == 0 {
		return none
	}
	return number(r.P50/unit) + interval(r.Bounds(), unit)
}

// interval is an interval divided by unit, after the figure that it belongs to: " [a, b]" where
// the interval has a level, " (a–b of n)" where it is the range of n trials, nothing where there
// is one trial. intervalNote explains it below a table.
func interval(i statistics.Interval, unit float64) string {
	return intervalAs(i, func(v float64) string { return number(v / unit) })
}

func intervalAs(i statistics.Interval, as func(float64) string) string {
	switch {
	case i.Trials == 1 || math.IsNaN(i.Low) || math.IsNaN(i.High):
		return ""
	case i.Kind == statistics.Range:
		return fmt.Sprintf(" (%s–%s of %d)", as(i.Low), as(i.High), i.Trials)
	case i.Kind == summary.Schema1:
		return fmt.Sprintf(" (%s–%s)", as(i.Low), as(i.High))
	}
	return fmt.Sprintf(" [%s, %s]", as(i.Low), as(i.High))
}

// intervalNote says what the brackets of an experiment's table mean.
func intervalNote(s *summary.Summary, experiment string) string {
	kinds := summary.Distinct(s, summary.Query{Experiment: experiment}, func(r *summary.Result) statistics.Kind {
		if r.Metric == summary.MetricErrorRate || r.Metric == summary.MetricStageLatency || r.Trials == 1 {
			return "" // not in a bracket
		}
		return r.Interval
	})
	var all []string
	for _, k := range []struct {
		kind statistics.Kind
		says string
	}{
		{statistics.OrderStatistics, "[a, b]: the interval of the median over trials, at 95 %."},
		{statistics.Range, "(a–b of n): the range of n trials, which are too few for an interval."},
		{summary.Schema1, "(a–b): bounds of an old summary, at less than 95 %."},
	} {
		if slices.Contains(kinds, k.kind) {
			all = append(all, k.says)
		}
	}
	return strings.Join(all, " ")
}

func p90(r *summary.Result) string { return value(r, func(r *summary.Result) float64 { return r.P90 }) }
func p99(r *summary.Result) string { return value(r, func(r *summary.Result) float64 { return r.P99 }) }

func value(r *summary.Result, of func(*summary.Result) float64) string {
	if r == nil || r.N == 0 {
		return none
	}
	return number(of(r))
}

func samples(r *summary.Result) string {
	if r == nil {
		return "0"
	}
	return count(r.N)
}

// failures is the number of failed invocations behind error rates.
func failures(rates ...*summary.Result) string {
	n, known := 0, false
	for _, r := range rates {
		if r != nil {
			n, known = n+int(math.Round(r.P50*float64(r.N))), true
		}
	}
	if !known {
		return none
	}
	return count(n)
}

// kinds lists the warnings of some results, each kind once. The warning of a p99.9 of too
// few samples is not among them: tables do not show such a p99.9.
func kinds(results ...*summary.Result) string {
	var all []string
	for _, r := range results {
		if r == nil {
			continue
		}
		for _, w := range r.Warnings {
			if k := w.Kind(); k != summary.WarnTooFew999 && !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return strings.Join(all, kindSeparator)
}

// kindSeparator stands between kinds of warnings in a cell.
const kindSeparator = ", "

// gain tells how many times better v is than base, over trials: base/v where less is better.
func gain(v, base *summary.Result, lessIsBetter bool) string {
	g, ok := ratio(v, base, lessIsBetter)
	if !ok {
		return none
	}
	if v == base {
		return times(1)
	}
	return times(g.Value) + interval(g.Interval, 1)
}

// ratio is a gain over trials; there is none where a side has no positive value.
func ratio(v, base *summary.Result, lessIsBetter bool) (g statistics.Estimate, ok bool) {
	if v == nil || base == nil || v.P50 <= 0 || base.P50 <= 0 {
		return g, false
	}
	if g = v.Gain(base); lessIsBetter {
		g = base.Gain(v)
	}
	return g, !math.IsNaN(g.Value)
}

func times(g float64) string {
	if math.IsNaN(g) || math.IsInf(g, 0) {
		return none
	}
	return number(g) + "x"
}

// gainNote says what gains are over.
func gainNote(s *summary.Summary) string {
	return fmt.Sprintf("Gain: how many times better than %s in this run; the median over the blocks of trials.",
		s.Baseline())
}

// dash is s, or the cell of nothing.
func dash(s string) string {
	if s == "" {
		return none
	}
	return s
}

func p999(r *summary.Result) string {
	if r.N < 10_000 {
		return none // too few, see statistics.MinFor
	}
	return number(r.P999)
}

// trialsOf is the number of trials behind each of some results, once where all
// have as many.
func trialsOf(results []*summary.Result) string {
	var all []string
	for _, r := range results {
		all = append(all, samples(r))
	}
	if len(slices.Compact(slices.Clone(all))) == 1 {
		return all[0]
	}
	return strings.Join(all, ", ")
}

// difference is a less b, over trials.
func difference(a, b *summary.Result) string {
	if a == nil || b == nil {
		return none
	}
	d := a.Above(b)
	if math.IsNaN(d.Value) {
		return none
	}
	signed := func(v float64) string { return fmt.Sprintf("%+.3f", v) }
	return signed(d.Value) + intervalAs(d.Interval, signed)
}

// experimentOf is the experiment that a figure or table belongs to: the first
// word of its name.
func experimentOf(name string) string {
	first, _, _ := strings.Cut(name, "-")
	return first
}

func labelWords(labels map[string]string) []string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return all
}

func versions(of map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		all = append(all, strings.TrimSpace(k+" "+of[k]))
	}
	return strings.Join(all, ", ")
}

// oneCall selects the calls that were made one at a time, not those that
// measured what the gateway can do.
func oneCall(via string) map[string]string {
	return map[string]string{summary.LabelVia: via, record.LabelLoad: ""}
}
