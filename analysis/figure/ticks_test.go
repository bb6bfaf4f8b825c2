package figure

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot"
)

func labels(ticks []plot.Tick) string {
	var all []string
	for _, t := range ticks {
		if t.Label != "" {
			all = append(all, t.Label)
		}
	}
	return strings.Join(all, " ")
}

func TestTicksOfLogarithmicAxes(t *testing.T) {
	for _, c := range []struct {
		ticker    plot.Ticker
		low, high float64
		want      string
	}{
		{decades{}, 0.05, 200, "0.1 1 10 100"},
		{decades{}, 150, 4000, "200 500 1,000 2,000"},
		{decades{}, 1, 1e12, "1 100 10,000 1,000,000 100,000,000 10,000,000,000 1,000,000,000,000"},
		{decades{}, 0, 1, ""},
		{decades{}, 3, math.Inf(1), ""},
		{powers{}, 50, 70_000, "64 256 1,024 4,096 16,384 65,536"},
	} {
		if got := labels(c.ticker.Ticks(c.low, c.high)); got != c.want {
			t.Errorf("%T from %g to %g: %q, want %q", c.ticker, c.low, c.high, got, c.want)
		}
	}
}

func TestBackendsHaveColoursOfTheirOwn(t *testing.T) {
	all := []string{"alpha", "beta", "process", "unikernel"}
	var seen []string
	for _, b := range all {
		c := Color(b, all)
		seen = append(seen, string([]byte{c.R, c.G, c.B}))
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != len(all) {
		t.Error("two backends share a colour")
	}
	if Color("process", nil) != Color("process", all) {
		t.Error("the colour of a known backend depends on the run")
	}
}
