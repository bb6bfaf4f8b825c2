package figure

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Point is a figure with its interval.
type Point struct {
	X, Y      float64
	Low, High float64 // of Y; drawn if High > Low
	Hollow    string  // why the point is not to be trusted: its mark is hollow, the legend says why
	Tip       string  // shown where the pointer rests near the point, in an SVG
}

// Curve draws a line through points, an error bar and a mark at each.
func (p *Panel) Curve(points []Point, c color.NRGBA, dashes []vg.Length) {
	var line, full, hollow []XY
	var tips []Tip
	for _, q := range points {
		at := XY{q.X, q.Y}
		line, tips = append(line, at), append(tips, Tip{at, q.Tip})
		if q.Hollow == "" {
			full = append(full, at)
			continue
		}
		hollow = append(hollow, at)
		if !slices.Contains(p.reasons, q.Hollow) {
			p.reasons = append(p.reasons, q.Hollow)
		}
	}
	p.Line(line, c, dashes)
	p.errorBars(points, c)
	p.Dots(full, Glyph("dot", c, markRadius))
	p.Dots(hollow, Glyph("hollow", c, markRadius))
	p.Tips(tips...)
}

// markRadius is that of a point with an interval, in points.
const markRadius = 2.2

// errorBars draws the intervals of points.
func (p *Panel) errorBars(points []Point, c color.Color) {
	for _, q := range points {
		p.errorBar(p.place(XY{q.X, q.Low}), p.place(XY{q.X, q.High}), c)
	}
}

// Across draws an interval of x at the height y.
func (p *Panel) Across(y, low, high float64, c color.Color) {
	p.errorBar(XY{low, y}, XY{high, y}, c)
}

func (p *Panel) errorBar(low, high XY, c color.Color) {
	if (high.X > low.X || high.Y > low.Y) && fits(high.X, p.logX) && fits(high.Y, p.logY) &&
		fits(low.X, false) && fits(low.Y, false) {
		p.plot.Add(errorBar{low, high, c, p})
	}
}

// errorBar is an interval, level or upright.
type errorBar struct {
	low, high XY
	color     color.Color
	panel     *Panel
}

// Plot implements plot.Plotter. An interval that leaves the axes ends where they do, without
// a cap.
func (e errorBar) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := draw.LineStyle{Color: e.color, Width: 0.8}
	clip := func(q XY) (at vg.Point, inside bool) {
		in := XY{math.Min(math.Max(q.X, p.X.Min), p.X.Max), math.Min(math.Max(q.Y, p.Y.Min), p.Y.Max)}
		return vg.Point{X: x(in.X), Y: y(in.Y)}, in == q
	}
	low, lowInside := clip(e.low)
	high, highInside := clip(e.high)
	across := vg.Point{X: capHalf}
	if e.low.Y == e.high.Y {
		across = vg.Point{Y: capHalf}
	}
	c.StrokeLines(sty, []vg.Point{low, high})
	if lowInside {
		c.StrokeLines(sty, []vg.Point{low.Sub(across), low.Add(across)})
	}
	if highInside {
		c.StrokeLines(sty, []vg.Point{high.Sub(across), high.Add(across)})
	}
}

// capHalf is half the width of the cap of an error bar, in points.
const capHalf = 2

// DataRange implements plot.DataRanger.
func (e errorBar) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = e.low.X, e.high.X, e.low.Y, e.high.Y
	if !fits(xmin, e.panel.logX) {
		xmin = xmax
	}
	if !fits(ymin, e.panel.logY) {
		ymin = ymax
	}
	return xmin, xmax, ymin, ymax
}

// reasons are the legend's lines for the hollow marks of all panels.
func (f *Figure) reasons() []Entry {
	var all []string
	for _, row := range f.Panels {
		for _, p := range row {
			all = append(all, p.reasons...)
		}
	}
	slices.Sort(all)
	var entries []Entry
	for _, reason := range slices.Compact(all) {
		mark := Dot(Glyph("hollow", black, markRadius))
		for _, line := range lines(reason, legendLetters) {
			entries = append(entries, Entry{Name: line, Thumb: mark})
			mark = NoMark()
		}
	}
	return entries
}

// legendLetters is the longest line of a reason in a legend.
const legendLetters = 28

// lines breaks a text between words into lines of at most so many letters, where no word is
// longer.
func lines(text string, most int) []string {
	var all []string
	for word := range strings.FieldsSeq(text) {
		if n := len(all) - 1; n >= 0 && len(all[n])+1+len(word) <= most {
			all[n] += " " + word
			continue
		}
		all = append(all, word)
	}
	return all
}
