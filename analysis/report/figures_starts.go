package report

import (
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// typical reports whether a series of deploy is the one that stands for its path, as in
// deployLatency.
func typical(s *summary.Summary, x *summary.Series) bool {
	r := deployLatency(s, summary.Target{Backend: x.Backend, Runtime: x.Runtime}, x.Path)
	return r == nil || r.Label(record.LabelPace) == x.Labels[record.LabelPace] &&
		r.Label(record.LabelStart) == x.Labels[record.LabelStart]
}

// medianAcross draws the interval of a distribution's median at one half, and returns the
// data of both; none where the series has no result.
func medianAcross(p *figure.Panel, s *summary.Summary, x *summary.Series, name string) (data [][]string) {
	r := s.One(summary.Query{Experiment: x.Experiment, Backend: x.Backend, Runtime: x.Runtime, Path: x.Path,
		Metric: summary.MetricLatency, Labels: x.Labels})
	if r == nil {
		return nil
	}
	p.Across(0.5, r.CILow, r.CIHigh, figure.Color(x.Backend, s.Backends()))
	p.Tips(figure.Tip{XY: figure.XY{X: r.P50, Y: 0.5}, Text: resultTip(r, 1)})
	return [][]string{{x.Backend, name, exact(r.P50), "median", exact(r.CILow), exact(r.CIHigh)}}
}

const startsKind = record.ExperimentDeploy + "-starts"

// startsFigure is the distribution of hot latencies by pace, and of cold ones by start; nil
// for a run of an earlier version, which had one of each.
func startsFigure(s *summary.Summary, d *summary.Data, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName(startsKind, rt), Tag: tag("", rt, ""),
		Title: "A hot NOP by pace, a cold one by its start, " + rt,
		Caption: "The share of invocations that took at most the time on the horizontal axis. Left: hot calls back " +
			"to back, and 50 ms after the reply. Right: cold calls by what they start from. At one half, the " +
			"intervals of the medians.",
		Data: [][]string{{"backend", "path", "latency_ms", "share", "ci_low", "ci_high"}},
	}
	starts := []string{record.StartSnapshot, record.StartStemAO, record.StartStem, record.StartBoot}
	hot := figure.NewPanel("hot", "latency, ms", "share of invocations").LogX()
	cold := figure.NewPanel("cold and boot", "latency, ms", "").LogX()
	var backends []string
	var drawn [2][]string
	for _, x := range d.Series {
		if x.Experiment != record.ExperimentDeploy || x.Runtime != rt {
			continue
		}
		sorted, _ := statistics.Clean(x.Pooled())
		p, at, variant := hot, 0, slices.Index([]string{record.PaceTight, record.Pace20}, x.Labels[record.LabelPace])
		if start := x.Labels[record.LabelStart]; start != "" {
			p, at, variant = cold, 1, slices.Index(starts, start)
		}
		if len(sorted) == 0 || variant < 0 {
			continue
		}
		if !slices.Contains(backends, x.Backend) {
			backends = append(backends, x.Backend)
		}
		name := pathVariant(x.Path, x.Labels)
		if !slices.Contains(drawn[at], name) {
			drawn[at] = append(drawn[at], name)
			f.Legend = append(f.Legend, figure.Entry{Name: name, Thumb: figure.Line(figure.Black,
				figure.Dashes(variant))})
		}
		points := []figure.XY{{X: sorted[0], Y: 0}}
		for _, q := range statistics.ECDF(sorted, ecdfPoints) {
			points = append(points, figure.XY(q))
			f.Data = append(f.Data, []string{x.Backend, name, exact(q.X), exact(q.Y), "", ""})
		}
		p.Of(tag(x.Backend, rt, name))
		p.Steps(points, figure.Color(x.Backend, s.Backends()), figure.Dashes(variant))
		f.Data = append(f.Data, medianAcross(p, s, x, name)...)
	}
	if len(drawn[0]) < 2 && len(drawn[1]) < 2 {
		return nil
	}
	slices.Sort(backends)
	f.Legend = slices.Concat(backendEntries(s, backends), f.Legend)
	f.Panels, f.Width, f.Height = [][]*figure.Panel{{hot.RangeY(0, 1), cold.RangeY(0, 1)}}, 8.6*vg.Inch, 3*vg.Inch
	return f
}
