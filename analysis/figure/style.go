package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The palette is Okabe and Ito's (Color Universal Design, 2008).
var (
	blue       = rgb(0x0072B2)
	orange     = rgb(0xE69F00)
	green      = rgb(0x009E73)
	vermillion = rgb(0xD55E00)
	purple     = rgb(0xCC79A7)
	sky        = rgb(0x56B4E9)
	yellow     = rgb(0xF0E442)
	black      = rgb(0x222222)
	gridGrey   = rgb(0xE3E3E3)
	paper      = rgb(0xFFFFFF)
)

// Grey is the colour of what is quoted from the paper.
var Grey = rgb(0x8A8A8A)

// Red is the colour of errors.
var Red = rgb(0xC1121F)

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}

// Lighter is a colour mixed with white, of which it gets the share.
func Lighter(c color.NRGBA, share float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(float64(v) + share*(255-float64(v))) }
	return color.NRGBA{R: mix(c.R), G: mix(c.G), B: mix(c.B), A: c.A}
}

// Faded is a colour for dots that lie over each other.
func Faded(c color.NRGBA, alpha uint8) color.NRGBA { c.A = alpha; return c }

// wellKnown keeps a backend's colour the same in all runs.
var wellKnown = map[string]color.NRGBA{
	"process": blue, "container/runc": orange, "container/crun": purple, "container/runsc": vermillion,
	"unikernel": green,
}

var others = []color.NRGBA{sky, black, yellow, vermillion, purple, orange, blue, green}

// Color is a backend's colour in every figure. all are the run's backends.
func Color(name string, all []string) color.NRGBA {
	if c, ok := wellKnown[name]; ok {
		return c
	}
	n := 0
	for _, other := range all {
		if other == name {
			break
		}
		if _, ok := wellKnown[other]; !ok {
			n++
		}
	}
	return others[n%len(others)]
}

// Shade is a colour of figures and the one in its place on a dark page.
type Shade struct{ Light, Dark color.NRGBA }

// Shades lists the colours that are hard to see on a dark page: the paper itself, what is
// black on it, and the darkest of the palettes. Other colours stay as they are.
func Shades() []Shade {
	return []Shade{{paper, rgb(0x16181A)}, {black, rgb(0xE6E6E6)}, {gridGrey, rgb(0x34383C)}, {Grey, rgb(0xA2A6AA)},
		{blue, rgb(0x4DA6E0)}, {green, rgb(0x1FC496)}, {Red, rgb(0xFF6B74)}, {rgb(0x332288), rgb(0x9A8CF0)},
		{rgb(0xAA4499), rgb(0xD27CC3)}, {rgb(0x117733), rgb(0x4FB870)}}
}

// muted is Paul Tol's palette of that name.
var muted = []color.NRGBA{rgb(0xDDCC77), rgb(0x332288), rgb(0x44AA99), rgb(0x88CCEE), rgb(0xAA4499), rgb(0xCC6677),
	rgb(0x117733), rgb(0x999933)}

// Ordinal is the i-th colour of things that are no backends, so that nobody
// takes them for one.
func Ordinal(i int) color.NRGBA { return muted[i%len(muted)] }

// Black is the colour of what has none of its own.
var Black = black

// Dashes is the i-th line style: solid first.
func Dashes(i int) []vg.Length {
	styles := [][]vg.Length{nil, {6, 2}, {3, 2}, {1, 2}, {7, 2, 1, 2}, {10, 3}, {5, 1, 1, 1, 1, 1}, {2, 4}}
	return styles[i%len(styles)]
}

const (
	titleSize = 10 // points
	labelSize = 8
	tickSize  = 7.5
)

// maxLabel bounds the words at an axis or in a legend, in characters: labels of records are
// anybody's, and a long one leaves no room for the data.
const maxLabel = 44

// Cut is a text of at most n characters, which ends in an ellipsis where it had more.
func Cut(text string, n int) string {
	if all := []rune(text); len(all) > n {
		return string(all[:n-1]) + "…"
	}
	return text
}

func textStyle(size font.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color: black, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler,
	}
}

// Line is a legend's picture of a line.
func Line(c color.Color, dashes []vg.Length) plot.Thumbnailer {
	return &plotter.Line{LineStyle: lineStyle(c, dashes)}
}

func lineStyle(c color.Color, dashes []vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: 1.4, Dashes: dashes}
}

// NoMark is a legend's picture of nothing, beside a heading.
func NoMark() plot.Thumbnailer { return Box(transparent{}) }

// transparent is a colour that leaves no trace.
type transparent struct{}

// RGBA implements color.Color.
func (transparent) RGBA() (r, g, b, a uint32) { return 0, 0, 0, 0 }

// Box is a legend's picture of a bar.
func Box(c color.Color) plot.Thumbnailer { return box{c} }

type box struct{ color color.Color }

// Thumbnail implements plot.Thumbnailer.
func (b box) Thumbnail(c *draw.Canvas) {
	c.SetColor(b.color)
	c.Fill(c.Rectangle.Path())
}

// Dot is a legend's picture of a glyph.
func Dot(g draw.GlyphStyle) plot.Thumbnailer { return &plotter.Scatter{GlyphStyle: g} }

// Glyph is a mark: "dot", "ring", "hollow", "square", "triangle" or "cross". A hollow one
// hides what lies behind it.
func Glyph(shape string, c color.Color, radius vg.Length) draw.GlyphStyle {
	g := draw.GlyphStyle{Color: c, Radius: radius}
	switch shape {
	case "ring":
		g.Shape = draw.RingGlyph{}
	case "hollow":
		g.Shape = hollow{}
	case "square":
		g.Shape = draw.BoxGlyph{}
	case "triangle":
		g.Shape = draw.PyramidGlyph{}
	case "cross":
		g.Shape = draw.CrossGlyph{}
	default:
		g.Shape = draw.CircleGlyph{}
	}
	return g
}

// hollow is the mark of a point that is not to be trusted.
type hollow struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (hollow) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	ground := sty
	ground.Radius += 0.6
	c.SetColor(paper) // what a CircleGlyph is filled with
	draw.CircleGlyph{}.DrawGlyph(c, ground, at)
	sty.Radius += 0.3
	draw.RingGlyph{}.DrawGlyph(c, sty, at)
}
