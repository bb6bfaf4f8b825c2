package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// strip is the values of one series, trial by trial. A reader sees in a strip of values
// whether trials drift and which trial lies apart; the summary's figures pool them.
type strip struct {
	result summary.Result // the series; its figures are not set
	trials []stripTrial   // by number
}

type stripTrial struct {
	number int
	values []float64 // in the order of the calls
	failed int
}

// stripValues bounds the dots of one trial; half of them are extremes of their stretch.
const stripValues = 24

// trialFigures draws a strip for each series, by experiment. What was looked at and not
// measured has none.
func trialFigures(s *summary.Summary, d *summary.Data) map[string][]picture {
	all := map[string][]picture{}
	for _, x := range strips(d) {
		e := x.result.Experiment
		if e == record.ExperimentSurface || x.result.Metric == record.MetricBusy {
			continue
		}
		if f := x.figure(s); f != nil {
			pic := inline(f)
			pic.Title, pic.Above = resultSeries(&x.result)+": "+x.result.Metric+", "+x.result.Unit, true
			all[e] = append(all[e], pic)
		}
	}
	return all
}

// strips are the latencies of all series and the quantities of trials, in the order of
// results.
func strips(d *summary.Data) []strip {
	var all []strip
	for _, s := range d.Series {
		x := strip{result: s.Result(summary.MetricLatency, "ms")}
		for _, t := range s.Trials {
			x.trials = append(x.trials, stripTrial{t.Number, t.Latency, t.Failed})
		}
		all = append(all, x)
	}
	at := map[string]int{}
	for _, q := range d.Quantities() {
		r := q.Result(q.Metric, q.Unit)
		i, ok := at[r.Key()]
		if !ok {
			i = len(all)
			at[r.Key()], all = i, append(all, strip{result: r})
		}
		all[i].trials = append(all[i].trials, stripTrial{number: q.Trial(), values: []float64{q.Value}})
	}
	slices.SortStableFunc(all, func(a, b strip) int { return summary.Less(&a.result, &b.result) })
	return all
}

// figure is nil where no trial has a value.
func (x strip) figure(s *summary.Summary) *figure.Figure {
	r := &x.result
	p := figure.NewPanel("", "", figure.Cut(r.Unit, 12)).Of(tag(r.Backend, r.Runtime, r.Path))
	var dots, medians []figure.XY
	var tips []figure.Tip
	var at []float64
	var labels []string
	for i, t := range x.trials {
		middle := float64(i + 1)
		at, labels = append(at, middle), append(labels, strconv.Itoa(t.number))
		sorted, _ := statistics.Clean(slices.Clone(t.values))
		if len(sorted) == 0 {
			continue
		}
		median := figure.XY{X: middle, Y: statistics.Quantile(0.5, sorted)}
		dots = append(dots, spread(t.values, middle)...)
		if len(sorted) > 1 {
			medians = append(medians, median)
		}
		tips = append(tips, figure.Tip{XY: median, Text: t.describe(r, sorted)})
	}
	if len(dots) == 0 {
		return nil
	}
	if least, most := bounds(dots); least > 0 && most > 20*least {
		p.LogY()
	}
	p.Dots(dots, figure.Glyph("dot", figure.Faded(figure.Color(r.Backend, s.Backends()), 150), 1.5))
	for _, m := range medians {
		p.Line([]figure.XY{{X: m.X - 0.4, Y: m.Y}, {X: m.X + 0.4, Y: m.Y}}, figure.Black, nil)
	}
	p.Tips(tips...)
	p.XTicks(everyFewLabels(at, labels)).RangeX(0.5, float64(len(at))+0.5)
	return &figure.Figure{Panels: [][]*figure.Panel{{p}}, Width: 3.6 * vg.Inch, Height: 1.35 * vg.Inch,
		Tag: tag(r.Backend, r.Runtime, "")}
}

func (t stripTrial) describe(r *summary.Result, sorted []float64) string {
	lines := []string{fmt.Sprintf("trial %d", t.number)}
	switch {
	case len(sorted) > 1:
		lines = append(lines, fmt.Sprintf("median %s %s of %s values", number(statistics.Quantile(0.5, sorted)), r.Unit,
			count(len(sorted))), fmt.Sprintf("from %s to %s", number(sorted[0]), number(sorted[len(sorted)-1])))
	case len(sorted) == 1:
		lines = append(lines, number(sorted[0])+" "+r.Unit)
	}
	if t.failed > 0 {
		lines = append(lines, count(t.failed)+" failed")
	}
	return strings.Join(lines, "\n")
}

// spread places the values of a trial around its middle in the order of the calls. Of many
// values, each stretch of calls gives its least and its greatest.
func spread(values []float64, middle float64) []figure.XY {
	n := len(values)
	at := func(i int) figure.XY {
		return figure.XY{X: middle - 0.4 + 0.8*(float64(i)+0.5)/float64(n), Y: values[i]}
	}
	var points []figure.XY
	if n <= stripValues {
		for i := range values {
			points = append(points, at(i))
		}
		return points
	}
	const stretches = stripValues / 2
	for k := range stretches {
		low, high := k*n/stretches, k*n/stretches
		for i := low; i < (k+1)*n/stretches; i++ {
			if values[i] < values[low] {
				low = i
			}
			if values[i] > values[high] {
				high = i
			}
		}
		points = append(points, at(low), at(high))
	}
	return points
}

func bounds(points []figure.XY) (least, most float64) {
	least, most = points[0].Y, points[0].Y
	for _, p := range points {
		least, most = min(least, p.Y), max(most, p.Y)
	}
	return least, most
}

// everyFewLabels leaves at most twelve labels.
func everyFewLabels(at []float64, labels []string) ([]float64, []string) {
	every := (len(at) + 11) / 12
	for i := range labels {
		if i%every != 0 {
			labels[i] = ""
		}
	}
	return at, labels
}
