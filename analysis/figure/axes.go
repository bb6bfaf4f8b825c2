package figure

import (
	"math"

	"gonum.org/v1/plot"
)

// same gives panels one axis, wide enough for the data of all.
func same(panels []*Panel, axis func(*Panel) *plot.Axis) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range panels {
		low, high = math.Min(low, axis(p).Min), math.Max(high, axis(p).Max)
	}
	for _, p := range panels {
		axis(p).Min, axis(p).Max = low, high
	}
}

// SameAxes gives every panel of some figures the same axes, where a reader sees the figures
// beside each other: one experiment on two backends. It is called once all data is in the panels.
func SameAxes(figures ...*Figure) {
	var all []*Panel
	for _, f := range figures {
		for _, row := range f.Panels {
			all = append(all, row...)
		}
	}
	same(all, func(p *Panel) *plot.Axis { return &p.plot.X })
	same(all, func(p *Panel) *plot.Axis { return &p.plot.Y })
}
