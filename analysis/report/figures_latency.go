package report

import (
	"cmp"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// ecdfKind begins the names of figures of distributions.
const ecdfKind = "deploy-ecdf"

// ecdfPoints is how finely a distribution is drawn.
const ecdfPoints = 400

// ecdfFigure is the distribution of deploy latencies, a colour a backend and a
// line style a path; the paper's means are marked at the bottom.
func ecdfFigure(s *summary.Summary, d *summary.Data, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName(ecdfKind, rt), Tag: tag("", rt, ""), Title: "Deploy time of a NOP by path, " + rt,
		Caption: "The share of invocations that took at most the time on the horizontal axis; at one half, the " +
			"intervals of the medians. Grey marks: the paper's means for hot, warm and cold.",
		Data: [][]string{{"backend", "path", "latency_ms", "share", "ci_low", "ci_high"}},
	}
	p := figure.NewPanel("", "latency, ms", "share of invocations").LogX()
	var backends, paths []string
	ordered := slices.Clone(d.Series)
	slices.SortStableFunc(ordered, func(a, b *summary.Series) int {
		return cmp.Or(cmp.Compare(a.Backend, b.Backend), summary.ComparePaths(a.Path, b.Path))
	})
	for _, x := range ordered {
		if x.Experiment != record.ExperimentDeploy || x.Runtime != rt || !typical(s, x) {
			continue
		}
		sorted, _ := statistics.Clean(x.Pooled())
		if len(sorted) == 0 {
			continue
		}
		if !slices.Contains(backends, x.Backend) {
			backends = append(backends, x.Backend)
		}
		if !slices.Contains(paths, x.Path) {
			paths = append(paths, x.Path)
		}
		points := []figure.XY{{X: sorted[0], Y: 0}}
		for _, q := range statistics.ECDF(sorted, ecdfPoints) {
			points = append(points, figure.XY(q))
			f.Data = append(f.Data, []string{x.Backend, x.Path, exact(q.X), exact(q.Y), "", ""})
		}
		p.Of(tag(x.Backend, rt, strings.Join(append([]string{x.Path}, labelWords(x.Labels)...), " ")))
		p.Steps(points, figure.Color(x.Backend, s.Backends()), figure.Dashes(summary.PathRank(x.Path)))
		f.Data = append(f.Data, medianAcross(p, s, x, x.Path)...)
	}
	if len(backends) == 0 {
		return nil
	}
	f.Legend = backendEntries(s, backends)
	slices.SortFunc(paths, summary.ComparePaths)
	for _, path := range paths {
		f.Legend = append(f.Legend, figure.Entry{Name: path,
			Thumb: figure.Line(figure.Black, figure.Dashes(summary.PathRank(path)))})
	}
	var means []figure.XY
	var names []string
	for _, m := range reference.Paths() {
		means, names = append(means, figure.XY{X: m.Millis, Y: meansHeight}), append(names, m.Path)
		f.Data = append(f.Data, []string{reference.Label, m.Path, exact(m.Millis), "mean", "", ""})
	}
	p.Of(tag("", "", reference.Label))
	mark := figure.Glyph("triangle", figure.Grey, 4)
	p.Dots(means, mark)
	p.Texts(means, names, figure.Grey)
	f.Legend = append(f.Legend, paperTitle(), figure.Entry{Name: "means", Thumb: figure.Dot(mark)})
	p.YTicks([]float64{0, 0.25, 0.5, 0.75, 1}, []string{"0", "0.25", "0.5", "0.75", "1"}).RangeY(-0.15, 1)
	f.Panels, f.Height = [][]*figure.Panel{{p}}, 3.2*vg.Inch
	return f
}

// meansHeight is where the paper's means stand in a figure of distributions: below them all.
const meansHeight = -0.11

// stagesFigure shows the stages of the medians, a panel for each path with a scale of its
// own.
func stagesFigure(s *summary.Summary, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName("deploy-stages", rt), Tag: tag("", rt, ""),
		Title: "What a deploy is made of, " + rt + " (medians of the stages, ms)",
		Caption: "A panel a path, each with its own scale. Lines with ends: the interval of the median of the whole, " +
			"which stages do not add up to.",
		Data: [][]string{{"backend", "path", "stage", "p50_ms", "ci_low", "ci_high"}},
	}
	var used []string
	for _, path := range summary.Paths {
		var bars []figure.Bar
		for _, whole := range s.Find(summary.Query{Experiment: record.ExperimentDeploy, Runtime: rt, Path: path,
			Metric: summary.MetricLatency}) {
			b := whole.Backend
			name, labels := b, map[string]string{}
			for _, l := range []string{record.LabelStart, record.LabelPace} {
				if v := whole.Label(l); v != "" {
					labels[l] = v
					if v != path {
						name += ", " + v
					}
				}
			}
			bar := figure.Bar{Name: name, Note: number(whole.P50) + " ms", Low: whole.CILow, High: whole.CIHigh,
				Tag: tag(b, rt, path), Tip: resultTip(whole, 1) + "\n" + stageMedians(s, whole)}
			f.Data = append(f.Data, []string{name, path, "whole", exact(whole.P50), exact(whole.CILow),
				exact(whole.CIHigh)})
			for i, stage := range summary.Stages {
				labels[summary.LabelStage] = stage
				x := s.One(summary.Query{Experiment: record.ExperimentDeploy, Backend: b, Runtime: rt, Path: path,
					Metric: summary.MetricStageLatency, Labels: labels})
				if x == nil {
					continue
				}
				if !slices.Contains(used, stage) {
					used = append(used, stage)
				}
				bar.Parts = append(bar.Parts, figure.Part{Value: x.P50, Color: figure.Ordinal(i)})
				f.Data = append(f.Data, []string{name, path, stage, exact(x.P50), "", ""})
			}
			bars = append(bars, bar)
		}
		if len(bars) > 0 {
			f.Panels = append(f.Panels, []*figure.Panel{figure.NewPanel(path, "", "").Bars(bars)})
			f.Height += vg.Length(len(bars))*0.26*vg.Inch + 0.48*vg.Inch
		}
	}
	if len(f.Panels) == 0 {
		return nil
	}
	f.Height += 0.3 * vg.Inch
	for i, stage := range summary.Stages {
		if slices.Contains(used, stage) {
			f.Legend = append(f.Legend, figure.Entry{Name: stage, Thumb: figure.Box(figure.Ordinal(i))})
		}
	}
	return f
}

// overheadFigure shows the time that the platform adds to a hot NOP.
func overheadFigure(s *summary.Summary) *figure.Figure {
	f := &figure.Figure{
		Name: "overhead", Title: "A hot NOP on the sandbox, through the worker and through the gateway (p50)",
		Caption: "Bars: medians; lines over their ends: their intervals.",
		Data:    [][]string{{"backend", "runtime", "via", "p50_ms", "ci_low", "ci_high"}},
	}
	var bars []figure.Bar
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentOverhead, Metric: summary.MetricLatency}) {
		for _, pace := range overheadPaces(s) {
			for i, via := range []string{record.ViaSandbox, record.ViaWorker, record.ViaGateway} {
				labels := oneCall(via)
				labels[record.LabelPace] = pace
				r := s.One(summary.Query{Experiment: record.ExperimentOverhead, Backend: t.Backend, Runtime: t.Runtime,
					Metric: summary.MetricLatency, Labels: labels})
				if r == nil {
					continue
				}
				way := via
				if pace != "" {
					way += ", " + pace
				}
				bars = append(bars, figure.Bar{Name: t.Backend + ", " + language(t.Runtime) + ", " + way,
					Note: number(r.P50) + " ms", Low: r.CILow, High: r.CIHigh,
					Tag: tag(t.Backend, t.Runtime, way), Tip: resultTip(r, 1),
					Parts: []figure.Part{{Value: r.P50,
						Color: figure.Lighter(figure.Color(t.Backend, s.Backends()), 0.3*float64(i))}}})
				f.Data = append(f.Data, []string{t.Backend, t.Runtime, way, exact(r.P50), exact(r.CILow),
					exact(r.CIHigh)})
			}
		}
	}
	if len(bars) == 0 {
		return nil
	}
	f.Panels = [][]*figure.Panel{{figure.NewPanel("", "latency, ms", "").Bars(bars)}}
	f.Height = vg.Length(len(bars))*0.24*vg.Inch + 0.9*vg.Inch
	return f
}

// aoFigure is table 2 of the paper: the effect of each step of anticipatory optimisation
// on latencies and on the size of snapshots.
func aoFigure(s *summary.Summary, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName("ao", rt), Tag: tag("", rt, ""), Title: "Anticipatory optimisation, " + rt,
		Caption: "Left: medians with their intervals. Right: what the snapshots' own pages take. Grey: the paper's " +
			"values for the steps that it has.",
		Data: [][]string{{"backend", "series", "steps", "value", "unit", "ci_low", "ci_high"}},
	}
	rungs, alone := ladder(s.LabelValues(summary.Query{Experiment: record.ExperimentAO, Runtime: rt},
		record.LabelAO))
	if len(rungs) == 0 {
		return nil
	}
	steps := slices.Concat(rungs, alone)
	times := figure.NewPanel("latency", "ms", "").LogX().Names(stepNames(steps))
	sizes := figure.NewPanel("snapshots", "MB", "").LogX().Names(make([]string, len(steps)))
	curve := func(p *figure.Panel, b, what, path, metric string, unit float64, unitName string, style int) {
		p.Of(tag(b, rt, what))
		var points, others []figure.Point
		for i, step := range steps {
			if r := s.One(summary.Query{Experiment: record.ExperimentAO, Backend: b, Runtime: rt, Path: path,
				Metric: metric, Labels: map[string]string{record.LabelAO: step}}); r != nil {
				f.Data = append(f.Data, []string{b, what, step, exact(r.P50 / unit), unitName, exact(r.CILow / unit),
					exact(r.CIHigh / unit)})
				if i >= len(rungs) {
					others = append(others, point(float64(i), r, unit))
					continue
				}
				points = append(points, point(float64(i), r, unit))
			}
		}
		p.Curve(points, figure.Color(b, s.Backends()), figure.Dashes(style))
		for i := range others { // steps alone follow from no other row: no line joins them
			p.Curve(others[i:i+1], figure.Color(b, s.Backends()), nil)
		}
	}
	for _, b := range s.BackendsOf(summary.Query{Experiment: record.ExperimentAO, Runtime: rt}) {
		curve(times, b, "cold", record.PathCold, summary.MetricLatency, 1, "ms", 0)
		curve(times, b, "warm", record.PathWarm, summary.MetricLatency, 1, "ms", 1)
		curve(sizes, b, "runtime snapshot", "", record.MetricRuntimeSnapshot, mega, "MB", 0)
		curve(sizes, b, "function snapshot", "", record.MetricFunctionSnapshot, mega, "MB", 1)
	}
	paperAO(f, times, sizes, steps)
	f.Panels = [][]*figure.Panel{{times, sizes}}
	f.Legend = append(backendEntries(s, s.BackendsOf(summary.Query{Experiment: record.ExperimentAO, Runtime: rt})),
		figure.Entry{Name: "cold; runtime snapshot", Thumb: figure.Line(figure.Black, figure.Dashes(0))},
		figure.Entry{Name: "warm; function snapshot", Thumb: figure.Line(figure.Black, figure.Dashes(1))},
		paperTitle(), figure.Entry{Name: "the same, in grey", Thumb: figure.Line(figure.Grey, figure.Dashes(2))})
	f.Width, f.Height = 8.6*vg.Inch, vg.Length(len(steps))*0.34*vg.Inch+1.2*vg.Inch
	return f
}

// paperAO draws table 2 for the steps that the run and the paper have in common.
func paperAO(f *figure.Figure, times, sizes *figure.Panel, steps []string) {
	curve := func(p *figure.Panel, what, unit string, of func(reference.AOStep) float64) {
		var points []figure.XY
		for _, a := range reference.AOSteps() {
			if i := slices.Index(steps, a.Steps); i >= 0 && of(a) > 0 {
				points = append(points, figure.XY{X: float64(i), Y: of(a)})
				f.Data = append(f.Data, []string{reference.Label, what, a.Steps, exact(of(a)), unit, "", ""})
			}
		}
		p.Of(tag("", "", reference.Label+": "+what))
		p.Line(points, figure.Grey, figure.Dashes(2))
		p.Dots(points, figure.Glyph("ring", figure.Grey, 2.5))
	}
	curve(times, "cold", "ms", func(a reference.AOStep) float64 { return a.ColdMillis })
	curve(times, "warm", "ms", func(a reference.AOStep) float64 { return a.WarmMillis })
	curve(sizes, "runtime snapshot", "MB", func(a reference.AOStep) float64 { return a.RuntimeSnapshotMB })
	curve(sizes, "function snapshot", "MB", func(a reference.AOStep) float64 { return a.FunctionSnapshotMB })
}
