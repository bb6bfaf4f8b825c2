package figure

import (
	"bytes"
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
)

// pathData is a path in the syntax of SVG's attribute d. Two arcs make a full circle: SVG
// has no arc that ends where it begins. A path with a point that SVG cannot express is "".
func (c *svgCanvas) pathData(path vg.Path) string {
	var b bytes.Buffer
	whole := true
	to := func(command byte, all ...vg.Point) {
		b.WriteByte(command)
		for i, p := range all {
			if i > 0 {
				b.WriteByte(' ')
			}
			x, y := c.point(p)
			whole = whole && finite(x, y)
			b.WriteString(coordinate(x) + " " + coordinate(y))
		}
	}
	for _, comp := range path {
		switch comp.Type {
		case vg.MoveComp:
			to('M', comp.Pos)
		case vg.LineComp:
			to('L', comp.Pos)
		case vg.CurveComp:
			to(" QC"[len(comp.Control)], append(append([]vg.Point(nil), comp.Control...), comp.Pos)...)
		case vg.ArcComp:
			command := byte('L')
			if b.Len() == 0 {
				command = 'M'
			}
			to(command, onArc(comp, 0))
			c.arc(&b, comp, 0.5)
			c.arc(&b, comp, 1)
		case vg.CloseComp:
			b.WriteByte('Z')
		}
	}
	if !whole {
		return ""
	}
	return b.String()
}

// arc draws the second half of the first share of an arc: to 0.5, then from there to 1. A
// half of an arc is at most half a circle, so SVG's flag for large arcs is always 0.
func (c *svgCanvas) arc(b *bytes.Buffer, comp vg.PathComp, share float64) {
	sweep := 0
	if comp.Angle < 0 { // clockwise on a vg.Canvas, and so in SVG
		sweep = 1
	}
	r := comp.Radius.Points() * math.Hypot(c.now.m[0], c.now.m[1])
	x, y := c.point(onArc(comp, share))
	fmt.Fprintf(b, "A%[1]s %[1]s 0 0 %[2]d %[3]s %[4]s", coordinate(r), sweep, coordinate(x), coordinate(y))
}

// onArc is the point at a share of an arc.
func onArc(comp vg.PathComp, share float64) vg.Point {
	sin, cos := math.Sincos(comp.Start + share*comp.Angle)
	return vg.Point{X: comp.Pos.X + comp.Radius*vg.Length(cos), Y: comp.Pos.Y + comp.Radius*vg.Length(sin)}
}

// fullCircle is the arc of a path that is nothing but a circle.
func fullCircle(path vg.Path) (vg.PathComp, bool) {
	if len(path) == 3 && path[0].Type == vg.MoveComp && path[1].Type == vg.ArcComp && path[2].Type == vg.CloseComp &&
		math.Abs(path[1].Angle) >= 2*math.Pi {
		return path[1], true
	}
	return vg.PathComp{}, false
}
