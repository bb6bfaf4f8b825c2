package report

import (
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// fileName joins parts, without the characters that a file's name must not have.
func fileName(parts ...string) string {
	return strings.NewReplacer("/", "-", " ", "-", "\x00", "").Replace(strings.Join(parts, "-"))
}

// exact is a number in the format of the figures' data files.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// paperEntry is the legend's line for a curve quoted from the paper.
func paperEntry(what string, i int) figure.Entry {
	return figure.Entry{Name: what, Thumb: figure.Line(figure.Grey, figure.Dashes(i+1))}
}

// paperTitle stands above the legend's lines for the paper.
func paperTitle() figure.Entry {
	return figure.Entry{Name: reference.Label + ":", Thumb: figure.NoMark()}
}

// backendEntries are the legend's lines for backends.
func backendEntries(s *summary.Summary, backends []string) []figure.Entry {
	var all []figure.Entry
	for _, b := range backends {
		all = append(all, figure.Entry{Name: b, Tag: tag(b, "", b),
			Thumb: figure.Line(figure.Color(b, s.Backends()), nil)})
	}
	return all
}

// resultTip is what the page says where the pointer rests on a result: the series, the
// median in a unit with its interval and number of values, and what speaks against it.
func resultTip(r *summary.Result, unit float64) string {
	name := r.Unit
	if unit == mega && name == record.UnitBytes {
		name = "MB"
	}
	lines := []string{resultSeries(r), "median " + median(r, unit) + " " + name,
		"n = " + samples(r) + ", " + r.Metric}
	for _, w := range r.Warnings {
		lines = append(lines, string(w))
	}
	return strings.Join(lines, "\n")
}

// resultSeries is the series of a result: backend, runtime, path and labels.
func resultSeries(r *summary.Result) string {
	var all []string
	for _, part := range []string{r.Backend, r.Runtime, r.Path, strings.Join(labelWords(r.Labels), " ")} {
		if part != "" {
			all = append(all, part)
		}
	}
	return strings.Join(all, ", ")
}

// tag is the tag of a series of a backend and runtime.
func tag(backend, rt, name string) figure.Tag {
	return figure.Tag{Backend: backend, Runtime: rt, Name: name}
}

func bar(name string, v float64, p figure.Part, note string) figure.Bar {
	p.Value = v
	return figure.Bar{Name: name, Parts: []figure.Part{p}, Note: note}
}

// point is the median of a result with its interval, both divided by unit.
func point(x float64, r *summary.Result, unit float64) figure.Point {
	return figure.Point{X: x, Y: r.P50 / unit, Low: r.CILow / unit, High: r.CIHigh / unit, Tip: resultTip(r, unit)}
}

// language is a runtime without its version.
func language(rt string) string {
	return strings.TrimRight(rt, "0123456789.x")
}

// stepNames are short names for lists of steps: of one that goes on from the list before, the
// step that it adds.
func stepNames(steps []string) []string {
	names := make([]string, len(steps))
	for i, step := range steps {
		names[i] = strings.ReplaceAll(step, record.AOSeparator, " "+record.AOSeparator+" ")
		if i == 0 || steps[i-1] == record.AONone {
			continue
		}
		if added, ok := strings.CutPrefix(step, steps[i-1]+record.AOSeparator); ok {
			names[i] = record.AOSeparator + " " + added
		}
	}
	return names
}

// maxDots bounds the dots of one kind in a panel. Of more dots, every second, third … one
// is drawn.
const maxDots = 4000

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
