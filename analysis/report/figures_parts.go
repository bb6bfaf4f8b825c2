package report

import (
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/figure"
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
	return figure.Entry{Name: reference.Label + ":", Thumb: figure.Box(transparent{})}
}

// transparent is a colour that leaves no trace.
type transparent struct{}

// RGBA implements color.Color.
func (transparent) RGBA() (r, g, b, a uint32) { return 0, 0, 0, 0 }

// backendEntries are the legend's lines for backends.
func backendEntries(s *summary.Summary, backends []string) []figure.Entry {
	var all []figure.Entry
	for _, b := range backends {
		all = append(all, figure.Entry{Name: b, Thumb: figure.Line(figure.Color(b, s.Backends()), nil)})
	}
	return all
}

func bar(name string, v float64, p figure.Part, note string) figure.Bar {
	p.Value = v
	return figure.Bar{Name: name, Parts: []figure.Part{p}, Note: note}
}

// language is a runtime without its version.
func language(rt string) string {
	return strings.TrimRight(rt, "0123456789.x")
}

// stepLabel puts a list of steps on several lines.
func stepLabel(steps string) string { return strings.ReplaceAll(steps, "+", "\n+ ") }

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
