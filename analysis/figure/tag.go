package figure

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Tag names the series that something drawn belongs to. The SVG carries the tag as
// data-backend, data-runtime and data-name, by which a page filters and names series; the
// other formats have no place for tags.
type Tag struct {
	Backend, Runtime string
	Name             string // of the series among those of the backend and the runtime: "warm"
}

func (t Tag) attributes() []string {
	return []string{"data-backend", t.Backend, "data-runtime", t.Runtime, "data-name", t.Name}
}

// Of tags all that is added to the panel from now on, until the next call.
func (p *Panel) Of(t Tag) *Panel {
	if p.tagged {
		p.plot.Add(groupEnd{})
	}
	if p.tagged = t != (Tag{}); p.tagged {
		p.plot.Add(group{t})
	}
	return p
}

// Tip is the text that the SVG shows where the pointer rests near a point.
type Tip struct {
	XY
	Text string
}

// Tips adds them, invisible, at points that other calls draw.
func (p *Panel) Tips(all ...Tip) {
	kept := make(tips, 0, len(all))
	for _, t := range all {
		t.XY = p.place(t.XY)
		if t.Text != "" && fits(t.X, p.logX) && fits(t.Y, p.logY) {
			kept = append(kept, t)
		}
	}
	p.plot.Add(kept)
}

// group opens a group of the SVG, groupEnd closes it; both draw nothing elsewhere.
type (
	group    struct{ tag Tag }
	groupEnd struct{}
	tips     []Tip
)

// Plot implements plot.Plotter.
func (g group) Plot(c draw.Canvas, _ *plot.Plot) {
	if svg, ok := svgOf(c); ok {
		svg.begin("series", g.tag.attributes()...)
	}
}

// Plot implements plot.Plotter.
func (groupEnd) Plot(c draw.Canvas, _ *plot.Plot) {
	if svg, ok := svgOf(c); ok {
		svg.end()
	}
}

// Plot implements plot.Plotter.
func (all tips) Plot(c draw.Canvas, p *plot.Plot) {
	svg, ok := svgOf(c)
	if !ok {
		return
	}
	x, y := p.Transforms(&c)
	for _, t := range all {
		svg.endDots()
		px, py := svg.point(vg.Point{X: x(t.X), Y: y(t.Y)})
		if !finite(px, py) {
			continue
		}
		fmt.Fprintf(&svg.out, `<circle class="tip" cx="%s" cy="%s" r="6" fill="none" pointer-events="all">`,
			coordinate(px), coordinate(py))
		svg.title(t.Text)
		svg.out.WriteString("</circle>\n")
	}
}

// legendKey is a picture of a legend in a group of the SVG. The entry's name follows the
// group: gonum's legend draws the picture and the name in turn.
type legendKey struct {
	plot.Thumbnailer
	tag Tag
}

// Thumbnail implements plot.Thumbnailer.
func (k legendKey) Thumbnail(c *draw.Canvas) {
	if svg, ok := svgOf(*c); ok {
		svg.begin("key", k.tag.attributes()...)
		defer svg.end()
	}
	k.Thumbnailer.Thumbnail(c)
}

// svgOf is the SVG that a canvas draws on; false where it draws on something else. gonum
// wraps a canvas into another where it pads a plot.
func svgOf(c draw.Canvas) (*svgCanvas, bool) {
	for {
		switch inner := c.Canvas.(type) {
		case *svgCanvas:
			return inner, true
		case draw.Canvas:
			c = inner
		case *draw.Canvas:
			c = *inner
		default:
			return nil, false
		}
	}
}

// area describes the panel's plot area to a page's script: where it lies, and which values
// its axes span, "lin 0 1" or "log 0.1 100". An axis of names spans none.
func (p *Panel) area(c draw.Canvas) {
	svg, ok := svgOf(c)
	if !ok {
		return
	}
	axis := func(a plot.Axis, log, names bool) string {
		kind := "lin"
		switch {
		case names:
			return ""
		case log:
			kind = "log"
		}
		return fmt.Sprintf("%s %.8g %.8g", kind, a.Min, a.Max)
	}
	x0, y1 := svg.point(c.Min)
	x1, y0 := svg.point(c.Max)
	if !(x1 > x0) || !(y1 > y0) || !finite(x1-x0, y1-y0) {
		return // the labels left no room
	}
	svg.endDots()
	fmt.Fprintf(&svg.out, `<rect class="area" x="%s" y="%s" width="%s" height="%s" fill="none" pointer-events="all"`,
		coordinate(x0), coordinate(y0), coordinate(x1-x0), coordinate(y1-y0))
	svg.attributes([]string{"data-x", axis(p.plot.X, p.logX, p.namesX),
		"data-y", axis(p.plot.Y, p.logY, p.plain || p.names != nil),
		"data-xlabel", p.plot.X.Label.Text, "data-ylabel", p.plot.Y.Label.Text})
	svg.out.WriteString("/>\n")
}
