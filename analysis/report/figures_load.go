package report

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// throughputFigure is figure 4 of the paper.
func throughputFigure(s *summary.Summary, rt string) (*figure.Figure, error) {
	f := &figure.Figure{
		Name: fileName("throughput", rt), Title: "Throughput against the number of unique functions, " + rt,
		Tag: tag("", rt, ""),
		Caption: "Correct replies a second, medians of the trials with their intervals. Grey: figure 4 of the paper, " +
			"read out of the drawing." + notCovered(s, rt),
		Data:   [][]string{{"backend", "functions", "p50_1_s", "ci_low", "ci_high", "covered"}},
		Height: 3.4 * vg.Inch,
	}
	p := figure.NewPanel("", "unique functions M", "correct replies, 1/s").LogX().LogY().Powers()
	q := summary.Query{Experiment: record.ExperimentThroughput, Runtime: rt, Metric: record.MetricThroughput}
	backends := s.BackendsOf(q)
	if len(backends) == 0 {
		return nil, nil
	}
	for _, b := range backends {
		q.Backend = b
		p.Of(tag(b, rt, "throughput"))
		f.Data = append(f.Data, throughputCurve(p, s.Find(q), figure.Color(b, s.Backends()))...)
	}
	paper, err := reference.Throughputs()
	if err != nil {
		return nil, err
	}
	var seuss, linux []figure.XY
	for _, t := range paper {
		m := float64(t.Functions)
		seuss, linux = append(seuss, figure.XY{X: m, Y: t.SEUSS}), append(linux, figure.XY{X: m, Y: t.Linux})
		f.Data = append(f.Data, []string{reference.Label + ": SEUSS", strconv.Itoa(t.Functions), exact(t.SEUSS), "",
			"", ""},
			[]string{reference.Label + ": Linux", strconv.Itoa(t.Functions), exact(t.Linux), "", "", ""})
	}
	p.Of(tag("", "", reference.Label+": SEUSS")).Line(seuss, figure.Grey, figure.Dashes(1))
	p.Of(tag("", "", reference.Label+": Linux")).Line(linux, figure.Grey, figure.Dashes(2))
	f.Legend = append(backendEntries(s, backends), paperTitle(), paperEntry("SEUSS", 0), paperEntry("Linux", 1))
	f.Panels = [][]*figure.Panel{{p}}
	return f, nil
}

// throughputCurve draws the points of one backend, and returns their data. A point that does
// not cover its M is hollow.
func throughputCurve(p *figure.Panel, results []*summary.Result, c color.NRGBA) (data [][]string) {
	var points []figure.Point
	for _, r := range results {
		m, err := strconv.ParseFloat(r.Label(record.LabelFunctions), 64)
		if err != nil || r.N == 0 {
			continue
		}
		at := point(m, r, 1)
		if !r.Covered() {
			at.Hollow = "M was not covered: see the caption"
		}
		points = append(points, at)
		data = append(data, []string{r.Backend, r.Label(record.LabelFunctions), exact(r.P50), exact(r.CILow),
			exact(r.CIHigh), strconv.FormatBool(r.Covered())})
	}
	p.Curve(points, c, nil)
	return data
}

// notCovered names the points of the figure that are hollow or left out, with the reason;
// "" where there is none.
func notCovered(s *summary.Summary, rt string) string {
	var hollow, out []string
	q := summary.Query{Experiment: record.ExperimentThroughput, Runtime: rt}
	for _, q.Metric = range []string{record.MetricFilled, record.MetricDistinct, record.MetricCompletions} {
		for _, r := range s.Find(q) {
			if r.Covered() {
				continue
			}
			text := fmt.Sprintf("%s at %s (%s)", r.Backend, r.Label(record.LabelFunctions), r.Reason())
			if q.Metric == record.MetricFilled {
				out = append(out, text)
			} else {
				hollow = append(hollow, text)
			}
		}
	}
	text := ""
	if len(hollow) > 0 {
		text += " M was not covered: " + strings.Join(hollow, ", ") + "."
	}
	if len(out) > 0 {
		text += " Left out: " + strings.Join(out, ", ") + "."
	}
	return text
}

// densityFigure is table 3 of the paper, as bars.
func densityFigure(s *summary.Summary) *figure.Figure {
	f := &figure.Figure{
		Name: "density", Title: "Memory of an idle instance, instances in a GB, creation rate (grey: " +
			reference.Label + ")",
		Caption: "Medians of the trials; lines over the bars' ends: their intervals. Axes are logarithmic: read the " +
			"ends of the bars. Grey: table 3 of the paper; its 88 GB are scaled to one.",
		Data: [][]string{{"backend", "runtime", "state", "mb_each", "instances_per_gb", "creations_1_s", "mb_low",
			"mb_high",
			"creations_low", "creations_high"}},
	}
	var each, fit, rate []figure.Bar
	add := func(name string, c figure.Part, mb, perSecond float64, note string) {
		each, fit, rate = append(each, bar(name, mb, c, number(mb))),
			append(fit, bar(name, 1000/mb, c, number(1000/mb))), append(rate, bar(name, perSecond, c, note))
	}
	for _, r := range s.Find(summary.Query{Experiment: record.ExperimentDensity,
		Metric: record.MetricBytesPerInstance}) {
		if !(r.P50 > 0) {
			continue
		}
		c := figure.Part{Color: figure.Color(r.Backend, s.Backends())}
		perSecond, perSecondLow, perSecondHigh, rateTip := 0.0, 0.0, 0.0, ""
		if x := s.One(summary.Query{Experiment: record.ExperimentDensity, Backend: r.Backend, Runtime: r.Runtime,
			Metric: record.MetricCreationRate,
			Labels: map[string]string{record.LabelState: r.Label(record.LabelState)}}); x != nil {
			perSecond, perSecondLow, perSecondHigh, rateTip = x.P50, x.CILow, x.CIHigh, resultTip(x, 1)
		}
		add(r.Backend+", "+language(r.Runtime)+", "+r.Label(record.LabelState), c, r.P50/mega, perSecond,
			number(perSecond))
		last := len(each) - 1
		each[last].Low, each[last].High = r.CILow/mega, r.CIHigh/mega
		rate[last].Low, rate[last].High = perSecondLow, perSecondHigh
		if r.CILow > 0 {
			fit[last].Low, fit[last].High = 1000*mega/r.CIHigh, 1000*mega/r.CILow
		}
		for _, bars := range [][]figure.Bar{each, fit, rate} {
			bars[last].Tag, bars[last].Tip = tag(r.Backend, r.Runtime, r.Label(record.LabelState)), resultTip(r, mega)
		}
		rate[last].Tip = rateTip
		f.Data = append(f.Data, []string{r.Backend, r.Runtime, r.Label(record.LabelState), exact(r.P50 / mega),
			exact(1000 * mega / r.P50), exact(perSecond), exact(r.CILow / mega), exact(r.CIHigh / mega),
			exact(perSecondLow), exact(perSecondHigh)})
	}
	if len(each) == 0 {
		return nil
	}
	for _, i := range reference.Isolations() {
		add("paper: "+i.Name, figure.Part{Color: figure.Grey}, i.MBEach(), i.Creations, quoted(i.Creations))
		f.Data = append(f.Data, []string{reference.Label + ": " + i.Name, reference.Runtime, record.StateBooted,
			exact(i.MBEach()), exact(1000 / i.MBEach()), exact(i.Creations), "", "", "", ""})
	}
	noNames := func(bars []figure.Bar) []figure.Bar {
		out := make([]figure.Bar, len(bars))
		for i, b := range bars {
			out[i], out[i].Name = b, ""
		}
		return out
	}
	f.Panels = [][]*figure.Panel{{
		figure.NewPanel("MB each", "MB", "").LogX().Bars(each),
		figure.NewPanel("instances in a GB", "instances", "").LogX().Bars(noNames(fit)),
		figure.NewPanel("creation rate", "1/s", "").LogX().Bars(noNames(rate)),
	}}
	f.Width, f.Height = 8.6*vg.Inch, vg.Length(len(each))*0.24*vg.Inch+1.0*vg.Inch
	return f
}
