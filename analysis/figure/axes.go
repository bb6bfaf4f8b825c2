package figure

import "math"

// SameX gives panels that are compared one horizontal axis, wide enough for the data of
// all. It is called once all data is in the panels.
func SameX(panels ...*Panel) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range panels {
		low, high = math.Min(low, p.plot.X.Min), math.Max(high, p.plot.X.Max)
	}
	for _, p := range panels {
		p.plot.X.Min, p.plot.X.Max = low, high
	}
}

// SameY does the same for the vertical axis.
func SameY(panels ...*Panel) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range panels {
		low, high = math.Min(low, p.plot.Y.Min), math.Max(high, p.plot.Y.Max)
	}
	for _, p := range panels {
		p.plot.Y.Min, p.plot.Y.Max = low, high
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
