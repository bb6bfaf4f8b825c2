package figure

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// svgCanvas is a vg.Canvas that writes SVG for a page with a script. Colours are
// presentation attributes: the style sheet of a page overrides them, and a page whose policy
// forbids inline styles shows them. Groups tell the script which backend a curve is of and
// which values an axis spans; see Tag. The package vgsvg of gonum can do neither.
//
// The origin of a vg.Canvas is at the lower left, that of SVG at the upper left. The canvas
// applies transforms itself, so every coordinate of the file is one of the whole figure.
type svgCanvas struct {
	out    bytes.Buffer
	height float64
	now    svgState
	saved  []svgState
	dots   string // the attributes of the group of dots that is open
}

type svgState struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
	m      [6]float64 // x' = m0 x + m2 y + m4, y' = m1 x + m3 y + m5
}

// fontFamily names fonts with the widths of the one that figures are laid out with.
const fontFamily = "'Liberation Sans',Arimo,Arial,Helvetica,sans-serif"

func newSVG(w, h vg.Length) *svgCanvas {
	c := &svgCanvas{height: h.Points(), now: svgState{m: [6]float64{1, 0, 0, 1, 0, 0}}}
	fmt.Fprintf(&c.out, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]spt" height="%[2]spt" `+
		`viewBox="0 0 %[1]s %[2]s" font-family="%[3]s">`+"\n", coordinate(w.Points()), coordinate(h.Points()),
		fontFamily)
	vg.Initialize(c)
	return c
}

// bytes closes the file.
func (c *svgCanvas) bytes() []byte {
	c.endDots()
	c.out.WriteString("</svg>\n")
	return c.out.Bytes()
}

// begin opens a group with attributes, name and value in turn. Empty values are left out.
func (c *svgCanvas) begin(class string, attributes ...string) {
	c.endDots()
	fmt.Fprintf(&c.out, `<g class="%s"`, class)
	c.attributes(attributes)
	c.out.WriteString(">\n")
}

func (c *svgCanvas) end() {
	c.endDots()
	c.out.WriteString("</g>\n")
}

func (c *svgCanvas) attributes(all []string) {
	for i := 0; i+1 < len(all); i += 2 {
		if all[i+1] != "" {
			fmt.Fprintf(&c.out, ` %s="%s"`, all[i], escaped(all[i+1]))
		}
	}
}

// title adds the text that a browser shows where the pointer rests on the group.
func (c *svgCanvas) title(text string) {
	if text != "" {
		fmt.Fprintf(&c.out, "<title>%s</title>\n", escaped(text))
	}
}

// SetLineWidth implements vg.Canvas.
func (c *svgCanvas) SetLineWidth(w vg.Length) { c.now.width = w }

// SetLineDash implements vg.Canvas. No figure has an offset.
func (c *svgCanvas) SetLineDash(pattern []vg.Length, _ vg.Length) { c.now.dashes = pattern }

// SetColor implements vg.Canvas.
func (c *svgCanvas) SetColor(col color.Color) {
	if col == nil {
		col = color.Black
	}
	c.now.color = col
}

// Rotate implements vg.Canvas.
func (c *svgCanvas) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	c.concat([6]float64{cos, sin, -sin, cos, 0, 0})
}

// Translate implements vg.Canvas.
func (c *svgCanvas) Translate(pt vg.Point) {
	c.concat([6]float64{1, 0, 0, 1, pt.X.Points(), pt.Y.Points()})
}

// Scale implements vg.Canvas.
func (c *svgCanvas) Scale(x, y float64) { c.concat([6]float64{x, 0, 0, y, 0, 0}) }

func (c *svgCanvas) concat(n [6]float64) {
	m := c.now.m
	c.now.m = [6]float64{
		m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1], m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3],
		m[0]*n[4] + m[2]*n[5] + m[4], m[1]*n[4] + m[3]*n[5] + m[5],
	}
}

// Push implements vg.Canvas.
func (c *svgCanvas) Push() { c.saved = append(c.saved, c.now) }

// Pop implements vg.Canvas.
func (c *svgCanvas) Pop() {
	c.now, c.saved = c.saved[len(c.saved)-1], c.saved[:len(c.saved)-1]
}

// Stroke implements vg.Canvas.
func (c *svgCanvas) Stroke(path vg.Path) {
	hex, opacity := svgColor(c.now.color)
	if !(c.now.width > 0) || opacity == "0" {
		return
	}
	var dashes string
	for i, d := range c.now.dashes {
		if i > 0 {
			dashes += ","
		}
		dashes += coordinate(d.Points())
	}
	data := c.pathData(path)
	if data == "" {
		return
	}
	c.endDots()
	fmt.Fprintf(&c.out, `<path d="%s"`, data)
	c.attributes([]string{"fill", "none", "stroke", hex, "stroke-opacity", opacity,
		"stroke-width", coordinate(c.now.width.Points()), "stroke-dasharray", dashes})
	c.out.WriteString("/>\n")
}

// Fill implements vg.Canvas. Dots of one look that follow each other share a group.
func (c *svgCanvas) Fill(path vg.Path) {
	hex, opacity := svgColor(c.now.color)
	if opacity == "0" {
		return
	}
	if dot, ok := fullCircle(path); ok {
		x, y := c.point(dot.Pos)
		if !finite(x, y) {
			return
		}
		c.beginDots(hex, opacity)
		fmt.Fprintf(&c.out, `<circle cx="%s" cy="%s" r="%s"/>`, coordinate(x), coordinate(y),
			coordinate(dot.Radius.Points()))
		return
	}
	data := c.pathData(path)
	if data == "" {
		return
	}
	c.endDots()
	fmt.Fprintf(&c.out, `<path d="%s"`, data)
	c.attributes([]string{"fill", hex, "fill-opacity", opacity})
	c.out.WriteString("/>\n")
}

func (c *svgCanvas) beginDots(hex, opacity string) {
	if want := hex + opacity; c.dots != want {
		c.endDots()
		c.out.WriteString("<g")
		c.attributes([]string{"fill", hex, "fill-opacity", opacity})
		c.out.WriteString(">\n")
		c.dots = want
	}
}

func (c *svgCanvas) endDots() {
	if c.dots != "" {
		c.out.WriteString("\n</g>\n")
		c.dots = ""
	}
}

// FillString implements vg.Canvas.
func (c *svgCanvas) FillString(f font.Face, pt vg.Point, text string) {
	hex, opacity := svgColor(c.now.color)
	if f.Font.Size <= 0 || opacity == "0" {
		return
	}
	x, y := c.point(pt)
	if !finite(x, y) {
		return
	}
	c.endDots()
	var turn string
	if angle := math.Atan2(c.now.m[1], c.now.m[0]); math.Abs(angle) > 1e-6 {
		turn = fmt.Sprintf("rotate(%s %s %s)", coordinate(-angle*180/math.Pi), coordinate(x), coordinate(y))
	}
	c.out.WriteString("<text")
	c.attributes([]string{"x", coordinate(x), "y", coordinate(y), "transform", turn,
		"font-size", coordinate(f.Font.Size.Points()), "fill", hex, "fill-opacity", opacity})
	fmt.Fprintf(&c.out, ">%s</text>\n", escaped(text))
}

// DrawImage implements vg.Canvas. No figure has an image.
func (c *svgCanvas) DrawImage(vg.Rectangle, image.Image) {}

func (c *svgCanvas) point(p vg.Point) (x, y float64) {
	m, px, py := c.now.m, p.X.Points(), p.Y.Points()
	return m[0]*px + m[2]*py + m[4], c.height - (m[1]*px + m[3]*py + m[5])
}

func svgColor(c color.Color) (hex, opacity string) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	if n.A < 255 {
		opacity = strconv.FormatFloat(float64(n.A)/255, 'g', 2, 64)
	}
	return fmt.Sprintf("#%02X%02X%02X", n.R, n.G, n.B), opacity
}

// finite reports whether SVG can express a point. gonum places the texts of a plot that has
// no room at none.
func finite(x, y float64) bool {
	return !math.IsNaN(x) && !math.IsNaN(y) && !math.IsInf(x, 0) && !math.IsInf(y, 0)
}

// coordinate is a number with at most two decimals.
func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

func escaped(text string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return "" // a bytes.Buffer takes every write
	}
	return b.String()
}
