package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// burstFigure is figures 6 to 8 of the paper: the requests of one backend over
// time, a panel a period, of the first trial of each.
func burstFigure(s *summary.Summary, d *summary.Data, backend, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName("burst", backend, rt), Tag: tag(backend, rt, ""), Title: "Bursts on " + backend + ", " + rt +
			": requests by the time when they were due (s)",
		Caption: "Every request of the first trial at the time when it was due. Dashed lines: bursts. Failed " +
			"requests are crosses, at the time after which they failed.",
		Data:   [][]string{{"period", "load", "burst", "due_s", "latency_ms", "ok"}},
		Height: 0.3 * vg.Inch,
	}
	background := figure.Glyph("dot", figure.Faded(figure.Color(backend, s.Backends()), 130), 1.3)
	burst := figure.Glyph("dot", figure.Faded(figure.Black, 200), 1.6)
	failed := figure.Glyph("cross", figure.Red, 2.8)
	for _, period := range s.LabelValues(summary.Query{Experiment: record.ExperimentBurst, Backend: backend,
		Runtime: rt}, record.LabelPeriod) {
		points := burstPoints(d, backend, rt, period)
		if len(points) == 0 {
			continue
		}
		p := figure.NewPanel("a burst every "+period, "", "latency, ms").LogY()
		var bg, bu, bad []figure.XY
		starts := map[int]float64{}
		for _, x := range points {
			xy := figure.XY{X: x.At, Y: x.Latency}
			load := record.LoadBackground
			if x.Burst >= 0 {
				load = record.LoadBurst
				if at, ok := starts[x.Burst]; !ok || x.At < at {
					starts[x.Burst] = x.At
				}
			}
			switch {
			case !x.OK:
				bad = append(bad, xy)
			case x.Burst >= 0:
				bu = append(bu, xy)
			default:
				bg = append(bg, xy)
			}
			f.Data = append(f.Data, []string{period, load, fmt.Sprint(x.Burst), exact(x.At), exact(x.Latency),
				fmt.Sprint(x.OK)})
		}
		var at []float64
		for _, k := range slices.Sorted(maps.Keys(starts)) {
			at = append(at, starts[k])
		}
		p.Marks(at, figure.Grey)
		p.Of(tag(backend, rt, record.LoadBackground)).Dots(thin(bg), background)
		p.Of(tag(backend, rt, record.LoadBurst)).Dots(thin(bu), burst)
		p.Of(tag(backend, rt, "failed")).Dots(thin(bad), failed)
		f.Panels = append(f.Panels, []*figure.Panel{p.RangeX(0, 0)})
		f.Height += 1.6 * vg.Inch
	}
	if len(f.Panels) == 0 {
		return nil
	}
	f.Legend = []figure.Entry{{Name: "background", Thumb: figure.Dot(background)},
		{Name: "burst", Thumb: figure.Dot(burst)}, {Name: "failed", Thumb: figure.Dot(failed)},
		{Name: "a burst begins", Thumb: figure.Line(figure.Grey, figure.Dashes(2))}}
	return f
}

// burstPoints are the requests of the first trial of one period, by time.
func burstPoints(d *summary.Data, backend, rt, period string) []summary.Point {
	first := -1
	var all []summary.Point
	for _, s := range d.Series {
		if s.Experiment != record.ExperimentBurst || s.Backend != backend || s.Runtime != rt ||
			s.Labels[record.LabelPeriod] != period || len(s.Trials) == 0 {
			continue
		}
		if first < 0 {
			first = s.Trials[0].Number
		}
		if s.Trials[0].Number == first {
			all = append(all, s.Trials[0].Points...)
		}
	}
	slices.SortStableFunc(all, func(a, b summary.Point) int { return cmp.Compare(a.At, b.At) })
	return all
}

// mpscFigure shows the providers that the adaptive schedule called over time, in its first
// trial.
func mpscFigure(d *summary.Data) *figure.Figure {
	i := slices.IndexFunc(d.Series, func(s *summary.Series) bool {
		return s.Experiment == record.ExperimentMPSC && s.Labels[record.LabelSchedule] == record.ScheduleAdaptive &&
			len(s.Trials[0].Points) > 0
	})
	if i < 0 {
		return nil
	}
	f := &figure.Figure{
		Name: "mpsc", Title: "The adaptive schedule over time: who was called, and how long it took",
		Caption: "Every call of the first trial when it was due; crosses are calls that failed.",
		Data:    [][]string{{"due_s", "round_trip_ms", "provider", "ok"}}, Height: 3 * vg.Inch,
	}
	p := figure.NewPanel("", "time since the start, s", "round trip, ms").LogY()
	calls := map[string][]figure.XY{}
	var bad []figure.XY
	for _, x := range d.Series[i].Trials[0].Points {
		if xy := (figure.XY{X: x.At, Y: x.Latency}); x.OK {
			calls[x.Provider] = append(calls[x.Provider], xy)
		} else {
			bad = append(bad, xy)
		}
		f.Data = append(f.Data, []string{exact(x.At), exact(x.Latency), x.Provider, fmt.Sprint(x.OK)})
	}
	for n, name := range slices.Sorted(maps.Keys(calls)) {
		g := figure.Glyph([]string{"dot", "square", "triangle"}[n%3], figure.Faded(figure.Ordinal(n+1), 190), 1.8)
		p.Of(figure.Tag{Name: dash(name)}).Dots(thin(calls[name]), g)
		f.Legend = append(f.Legend, figure.Entry{Name: dash(name), Thumb: figure.Dot(g)})
	}
	failed := figure.Glyph("cross", figure.Red, 2.8)
	p.Of(figure.Tag{Name: "failed"}).Dots(thin(bad), failed)
	f.Legend = append(f.Legend, figure.Entry{Name: "failed", Thumb: figure.Dot(failed)})
	f.Panels = [][]*figure.Panel{{p}}
	return f
}
