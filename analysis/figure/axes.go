package figure

import (
	"math"

	"gonum.org/v1/plot"
)

// SameX gives panels that are compared one horizontal axis, wide enough for the data of
// all. It is called once all data is in the panels.
func SameX(panels ...*Panel) { same(panels, func(p *Panel) *plot.Axis { return &p.plot.X }) }

// SameY does the same for the vertical axis.
func SameY(panels ...*Panel) { same(panels, func(p *Panel) *plot.Axis { return &p.plot.Y }) }

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
// beside each other: one experiment on two backends.
func SameAxes(figures ...*Figure) {
	var all []*Panel
	for _, f := range figures {
		for _, row := range f.Panels {
			all = append(all, row...)
		}
	}
	SameX(all...)
	SameY(all...)
}
