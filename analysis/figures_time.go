package analysis

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
)

// maxDots bounds the dots of one kind in a panel; beyond it, every so many-th
// is drawn. Errors are all drawn up to this bound too.
const maxDots = 4000

// burstFigure is figures 6 to 8 of the paper: the requests of one backend over
// time, a panel a period, of the first trial of each.
func burstFigure(s *Summary, d *data, backend, rt string) *figure.Figure {
	f := &figure.Figure{
		Name: fileName("burst", backend, rt), Title: "Bursts on " + backend + ", " + rt + ": requests by the time when they were due (s)",
		Caption: "Every request of the first trial at the time when it was due. Dashed lines: bursts. Failed requests are crosses, at the time after which they failed.",
		Data:    [][]string{{"period", "load", "burst", "due_s", "latency_ms", "ok"}},
		Height:  0.3 * vg.Inch,
	}
	background := figure.Glyph("dot", figure.Faded(figure.Color(backend, s.Backends()), 130), 1.3)
	burst := figure.Glyph("dot", figure.Faded(figure.Black, 200), 1.6)
	failed := figure.Glyph("cross", figure.Red, 2.8)
	for _, period := range s.labelValues(Query{Experiment: record.ExperimentBurst, Backend: backend, Runtime: rt}, record.LabelPeriod) {
		points := burstPoints(d, backend, rt, period)
		if len(points) == 0 {
			continue
		}
		p := figure.NewPanel("a burst every "+period, "", "latency, ms").LogY()
		var bg, bu, bad []figure.XY
		starts := map[int]float64{}
		for _, x := range points {
			xy := figure.XY{X: x.at, Y: x.latency}
			load := record.LoadBackground
			if x.burst >= 0 {
				load = record.LoadBurst
				if at, ok := starts[x.burst]; !ok || x.at < at {
					starts[x.burst] = x.at
				}
			}
			switch {
			case !x.ok:
				bad = append(bad, xy)
			case x.burst >= 0:
				bu = append(bu, xy)
			default:
				bg = append(bg, xy)
			}
			f.Data = append(f.Data, []string{period, load, fmt.Sprint(x.burst), exact(x.at), exact(x.latency), fmt.Sprint(x.ok)})
		}
		var at []float64
		for _, k := range slices.Sorted(maps.Keys(starts)) {
			at = append(at, starts[k])
		}
		p.Marks(at, figure.Grey)
		p.Dots(thin(bg), background)
		p.Dots(thin(bu), burst)
		p.Dots(thin(bad), failed)
		f.Panels = append(f.Panels, []*figure.Panel{p.RangeX(0, 0)})
		f.Height += 1.6 * vg.Inch
	}
	if len(f.Panels) == 0 {
		return nil
	}
	f.Legend = []figure.Entry{{Name: "background", Thumb: figure.Dot(background)}, {Name: "burst", Thumb: figure.Dot(burst)}, {Name: "failed", Thumb: figure.Dot(failed)},
		{Name: "a burst begins", Thumb: figure.Line(figure.Grey, figure.Dashes(2))}}
	return f
}

// burstPoints are the requests of the first trial of one period, by time.
func burstPoints(d *data, backend, rt, period string) []point {
	first := -1
	var all []point
	for _, s := range d.series {
		if s.experiment != record.ExperimentBurst || s.backend != backend || s.runtime != rt || s.labels[record.LabelPeriod] != period || len(s.trials) == 0 {
			continue
		}
		if first < 0 {
			first = s.trials[0].number
		}
		if s.trials[0].number == first {
			all = append(all, s.trials[0].points...)
		}
	}
	slices.SortStableFunc(all, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	return all
}

// mpscFigure is who was called over time by the adaptive schedule, in its
// first trial.
func mpscFigure(d *data) *figure.Figure {
	i := slices.IndexFunc(d.series, func(s *series) bool {
		return s.experiment == record.ExperimentMPSC && s.labels[record.LabelSchedule] == record.ScheduleAdaptive && len(s.trials[0].points) > 0
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
	of := map[string][]figure.XY{}
	var bad []figure.XY
	for _, x := range d.series[i].trials[0].points {
		if xy := (figure.XY{X: x.at, Y: x.latency}); x.ok {
			of[x.provider] = append(of[x.provider], xy)
		} else {
			bad = append(bad, xy)
		}
		f.Data = append(f.Data, []string{exact(x.at), exact(x.latency), x.provider, fmt.Sprint(x.ok)})
	}
	for n, name := range sortedKeys(of) {
		g := figure.Glyph([]string{"dot", "square", "triangle"}[n%3], figure.Faded(figure.Ordinal(n+1), 190), 1.8)
		p.Dots(thin(of[name]), g)
		f.Legend = append(f.Legend, figure.Entry{Name: dash(name), Thumb: figure.Dot(g)})
	}
	failed := figure.Glyph("cross", figure.Red, 2.8)
	p.Dots(thin(bad), failed)
	f.Legend = append(f.Legend, figure.Entry{Name: "failed", Thumb: figure.Dot(failed)})
	f.Panels = [][]*figure.Panel{{p}}
	return f
}

// thin leaves at most maxDots points.
func thin(points []figure.XY) []figure.XY {
	every := (len(points) + maxDots - 1) / maxDots
	if every <= 1 {
		return points
	}
	var kept []figure.XY
	for i := 0; i < len(points); i += every {
		kept = append(kept, points[i])
	}
	return kept
}
