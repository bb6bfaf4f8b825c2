package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Panel is one pair of axes.
type Panel struct {
	plot       *plot.Plot
	logX, logY bool
	plain      bool     // no horizontal grid
	tight      bool     // the axes end where the data does
	names      []string // at the y axis, see Names
	reasons    []string // why marks are hollow
	namesX     bool     // the x axis has names at its ticks
	tagged     bool     // a group of a Tag is open
}

// XY is a point in the axes' units.
type XY struct{ X, Y float64 }

// NewPanel makes axes; their labels name the quantity and its unit.
func NewPanel(title, x, y string) *Panel {
	p := plot.New()
	p.Title.Text = Cut(title, 2*maxLabel)
	p.Title.TextStyle = textStyle(labelSize+0.5, draw.XCenter, draw.YTop)
	p.Title.Padding = 3
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.Tick.LineStyle.Color = black, black
		a.LineStyle.Width, a.Tick.LineStyle.Width, a.Tick.Length = 0.6, 0.6, 3.5
		a.Padding = 2
		a.Tick.Marker = numbers{}
	}
	p.X.Label.Text, p.X.Label.TextStyle = Cut(x, maxLabel), textStyle(labelSize, draw.XCenter, draw.YBottom)
	p.X.Tick.Label = textStyle(tickSize, draw.XCenter, draw.YTop)
	p.Y.Label.Text, p.Y.Label.TextStyle = Cut(y, maxLabel), textStyle(labelSize, draw.XCenter, draw.YBottom)
	p.Y.Tick.Label = textStyle(tickSize, draw.XRight, draw.YCenter)
	panel := &Panel{plot: p}
	p.Add(grid{panel})
	return panel
}

// LogX makes the x axis logarithmic. Values at or below 0 are then not drawn.
func (p *Panel) LogX() *Panel {
	p.logX = true
	p.plot.X.Scale, p.plot.X.Tick.Marker = plot.LogScale{}, decades{}
	return p
}

// LogY does the same for the y axis.
func (p *Panel) LogY() *Panel {
	p.logY = true
	p.plot.Y.Scale, p.plot.Y.Tick.Marker = plot.LogScale{}, decades{}
	return p
}

// XTicks puts labels at chosen values of the x axis.
func (p *Panel) XTicks(at []float64, labels []string) *Panel {
	p.plot.X.Tick.Marker, p.namesX = constantTicks(at, labels), true
	return p
}

// YTicks puts labels at chosen values of the y axis.
func (p *Panel) YTicks(at []float64, labels []string) *Panel {
	p.plot.Y.Tick.Marker = constantTicks(at, labels)
	return p
}

func constantTicks(at []float64, labels []string) plot.Ticker {
	ticks := make([]plot.Tick, len(at))
	for i := range at {
		ticks[i] = plot.Tick{Value: at[i], Label: Cut(labels[i], maxLabel)}
	}
	return plot.ConstantTicks(ticks)
}

// Names turns the panel on its side, as names take room in one direction alone: they stand
// at the y axis, the first at the top, and the values lie along the x axis. It is called
// before there are points; X of a point is then the index of its name, and Y its value.
func (p *Panel) Names(names []string) *Panel {
	p.names = names
	at := make([]float64, len(names))
	for i := range names {
		at[i] = float64(len(names) - 1 - i)
	}
	return p.YTicks(at, names).RangeY(-0.4, float64(len(names))-0.6)
}

// place is where a point is drawn, in units of the axes.
func (p *Panel) place(q XY) XY {
	if p.names == nil {
		return q
	}
	return XY{X: q.Y, Y: float64(len(p.names)-1) - q.X}
}

// Powers labels the x axis at the powers of four, where it is logarithmic and
// shows numbers of things.
func (p *Panel) Powers() *Panel {
	p.plot.X.Tick.Marker = powers{}
	return p
}

// RangeX widens the x axis to hold at least this.
func (p *Panel) RangeX(low, high float64) *Panel {
	p.plot.X.Min, p.plot.X.Max = math.Min(p.plot.X.Min, low), math.Max(p.plot.X.Max, high)
	return p
}

// RangeY does the same for the y axis.
func (p *Panel) RangeY(low, high float64) *Panel {
	p.plot.Y.Min, p.plot.Y.Max = math.Min(p.plot.Y.Min, low), math.Max(p.plot.Y.Max, high)
	return p
}

// pad makes room around the data, so that marks at its edge are seen whole.
func (p *Panel) pad() {
	const share = 0.03
	widen := func(a *plot.Axis, log bool) {
		switch {
		case a.Min > a.Max: // nothing was drawn
			a.Min, a.Max = 1, 10
		case log && a.Min == a.Max:
			a.Min, a.Max = a.Min/2, a.Max*2
		case log:
			f := math.Pow(a.Max/a.Min, share)
			a.Min, a.Max = a.Min/f, a.Max*f
		default:
			d := share * (a.Max - a.Min)
			a.Min, a.Max = a.Min-d, a.Max+d
		}
	}
	if !p.tight {
		p.tight = true // once
		widen(&p.plot.X, p.logX)
		widen(&p.plot.Y, p.logY)
	}
}

// draw draws the panel; in an SVG the panel is a group.
func (p *Panel) draw(c draw.Canvas) {
	if svg, ok := svgOf(c); ok {
		svg.begin("panel")
		defer svg.end()
	}
	p.Of(Tag{})
	p.plot.Draw(c)
}

// Texts writes a word above each point.
func (p *Panel) Texts(points []XY, words []string, c color.Color) {
	p.plot.Add(texts{points, words, c})
}

type texts struct {
	points []XY
	words  []string
	color  color.Color
}

// Plot implements plot.Plotter.
func (t texts) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := textStyle(tickSize-0.5, draw.XCenter, draw.YBottom)
	sty.Color = t.color
	for i, q := range t.points {
		c.FillText(sty, vg.Point{X: x(q.X), Y: y(q.Y) + 5}, t.words[i])
	}
}

// fits reports whether a value can be drawn: numbers so large or so small that
// they can only be an error would leave no room for the others.
func fits(v float64, log bool) bool {
	const least, most = 1e-12, 1e15
	return math.Abs(v) <= most && (!log || v >= least)
}

// drawable drops the points that cannot be drawn on the panel's axes.
func (p *Panel) drawable(points []XY) plotter.XYs {
	kept := make(plotter.XYs, 0, len(points))
	for _, q := range points {
		if q = p.place(q); fits(q.X, p.logX) && fits(q.Y, p.logY) {
			kept = append(kept, plotter.XY(q))
		}
	}
	return kept
}

// Line draws straight lines from point to point.
func (p *Panel) Line(points []XY, c color.Color, dashes []vg.Length) {
	if xy := p.drawable(points); len(xy) > 0 {
		p.plot.Add(&plotter.Line{XYs: xy, LineStyle: lineStyle(c, dashes)})
	}
}

// Steps draws an empirical distribution: level up to the next point, then up.
func (p *Panel) Steps(points []XY, c color.Color, dashes []vg.Length) {
	if xy := p.drawable(points); len(xy) > 0 {
		p.plot.Add(&plotter.Line{XYs: xy, LineStyle: lineStyle(c, dashes), StepStyle: plotter.PostStep})
	}
}

// Dots draws a mark at each point.
func (p *Panel) Dots(points []XY, g draw.GlyphStyle) {
	if xy := p.drawable(points); len(xy) > 0 {
		p.plot.Add(&plotter.Scatter{XYs: xy, GlyphStyle: g})
	}
}

// Marks draws vertical lines behind the data, over the whole height.
func (p *Panel) Marks(at []float64, c color.Color) { p.plot.Add(marks{at, c}) }

type marks struct {
	at    []float64
	color color.Color
}

// Plot implements plot.Plotter.
func (m marks) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, at := range m.at {
		if at >= p.X.Min && at <= p.X.Max {
			c.StrokeLine2(draw.LineStyle{Color: m.color, Width: 0.8, Dashes: []vg.Length{2, 2}}, x(at), c.Min.Y, x(at),
				c.Max.Y)
		}
	}
}

// grid is light lines at the labelled ticks, behind everything.
type grid struct{ panel *Panel }

// Plot implements plot.Plotter.
func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	g.panel.area(c)
	if svg, ok := svgOf(c); ok {
		svg.begin("grid")
		defer svg.end()
	}
	sty := draw.LineStyle{Color: gridGrey, Width: 0.5}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if !t.IsMinor() && t.Value >= p.X.Min && t.Value <= p.X.Max {
			c.StrokeLine2(sty, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	if g.panel.plain {
		return
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			c.StrokeLine2(sty, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
