package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bar is one horizontal bar, of one or more parts in a row.
type Bar struct {
	Name      string // at the axis
	Parts     []Part
	Note      string  // at the bar's end
	Low, High float64 // interval of the sum; drawn if High > Low
	Tag       Tag
	Tip       string // shown where the pointer rests on the bar, in an SVG
}

// Part is a stretch of a bar.
type Part struct {
	Value float64
	Color color.Color
}

func (b Bar) sum() float64 {
	s := 0.0
	for _, p := range b.Parts {
		s += p.Value
	}
	return s
}

// Bars fills a panel with horizontal bars, the first at the top. On a
// logarithmic axis bars begin at the axis, which says nothing of their length:
// read their ends.
func (p *Panel) Bars(bars []Bar) *Panel {
	least, most := math.Inf(1), 0.0
	ticks := make([]plot.Tick, len(bars))
	for i, b := range bars {
		ticks[i] = plot.Tick{Value: float64(len(bars) - 1 - i), Label: Cut(b.Name, maxLabel)}
		if s := b.sum(); s > 0 && fits(s, p.logX) && fits(b.High, false) {
			least, most = math.Min(least, s), math.Max(most, math.Max(s, b.High))
		}
	}
	a := &p.plot.Y
	a.Tick.Marker, a.Tick.Length, a.LineStyle.Width = plot.ConstantTicks(ticks), 0, 0
	a.Min, a.Max = -0.6, float64(len(bars))-0.4
	if most == 0 {
		least, most = 1, 1
	}
	room := 1.28 // for the notes at the bars' ends
	if p.logX {
		low := math.Pow(10, math.Floor(math.Log10(least/1.5)))
		p.plot.X.Min, p.plot.X.Max = low, most*math.Pow(most/low, room-1)
	} else {
		p.plot.X.Min, p.plot.X.Max = 0, most*room
	}
	p.tight, p.plain = true, true
	p.plot.Add(barPlotter{bars})
	return p
}

type barPlotter struct{ bars []Bar }

// Plot implements plot.Plotter.
func (bp barPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	clip := func(v float64) vg.Length { return x(math.Max(v, p.X.Min)) }
	pitch := y(1) - y(0)
	half := min(0.36*pitch, 9)
	note := textStyle(tickSize-0.5, draw.XLeft, draw.YCenter)
	for i, b := range bp.bars {
		at := y(float64(len(bp.bars) - 1 - i))
		svg, tagged := svgOf(c)
		if tagged {
			svg.begin("series bar", append(b.Tag.attributes(), "aria-label", b.Name)...)
			svg.title(b.Tip)
		}
		left, end := p.X.Min, 0.0
		for _, part := range b.Parts {
			end += part.Value
			if !(end > left) || end > p.X.Max {
				continue
			}
			c.FillPolygon(part.Color, []vg.Point{{X: clip(left), Y: at - half}, {X: clip(end), Y: at - half},
				{X: clip(end), Y: at + half}, {X: clip(left), Y: at + half}})
			left = end
		}
		right := clip(end)
		if b.High > b.Low && b.High > p.X.Min && b.High <= p.X.Max {
			barInterval(c, clip(b.Low), clip(b.High), at, b.Low > p.X.Min)
			right = clip(math.Max(end, b.High))
		}
		if !(end > 0) || end > p.X.Max {
			right = c.Min.X
		}
		c.FillText(note, vg.Point{X: right + 3, Y: at}, b.Note)
		if tagged {
			svg.end()
		}
	}
}

// barInterval draws an interval over a bar, on a light ground: bars may be dark.
func barInterval(c draw.Canvas, low, high, at vg.Length, lowInside bool) {
	for _, sty := range []draw.LineStyle{{Color: paper, Width: 2.2}, {Color: black, Width: 0.8}} {
		more := (sty.Width - 0.8) / 2
		c.StrokeLine2(sty, low-more, at, high+more, at)
		c.StrokeLine2(sty, high, at-capHalf-more, high, at+capHalf+more)
		if lowInside {
			c.StrokeLine2(sty, low, at-capHalf-more, low, at+capHalf+more)
		}
	}
}
