package figure

import (
	"math"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/plot"
)

// numbers are gonum's ticks with labels as people write them.
type numbers struct{}

// Ticks implements plot.Ticker.
func (numbers) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = label(ticks[i].Value)
		}
	}
	return ticks
}

// decades are ticks of a logarithmic axis: the powers of ten are labelled, and
// 2 and 5 between them where there are few.
type decades struct{}

// Ticks implements plot.Ticker. On such an axis low is above 0.
func (decades) Ticks(low, high float64) []plot.Tick {
	if !(low > 0) || !(high > low) || math.IsInf(high, 0) {
		return nil
	}
	span := math.Log10(high / low)
	every := int(math.Ceil(span / 8)) // decades between labels
	var ticks []plot.Tick
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		for m := 1; m <= 9; m++ {
			t := plot.Tick{Value: float64(m) * math.Pow10(e)}
			if m == 1 && e%every == 0 || span < 1.6 && (m == 2 || m == 5) {
				t.Label = label(t.Value)
			}
			if t.Value >= low*(1-1e-9) && t.Value <= high*(1+1e-9) {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

// powers are ticks at the powers of four.
type powers struct{}

// Ticks implements plot.Ticker.
func (powers) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for v := 1.0; low > 0 && v <= high; v *= 4 {
		if v >= low {
			ticks = append(ticks, plot.Tick{Value: v, Label: label(v)})
		}
	}
	return ticks
}

// label is a tick's value: 0.01, 250, 65,536.
func label(v float64) string {
	return humanize.Commaf(math.Round(v*1e9) / 1e9)
}
