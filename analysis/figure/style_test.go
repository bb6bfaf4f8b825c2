package figure

import (
	"image/color"
	"math"
	"slices"
	"testing"
)

// contrast is that of WCAG 2.2.
func contrast(a, b color.NRGBA) float64 {
	luminance := func(c color.NRGBA) float64 {
		linear := func(v uint8) float64 {
			if s := float64(v) / 255; s > 0.04045 {
				return math.Pow((s+0.055)/1.055, 2.4)
			}
			return float64(v) / 255 / 12.92
		}
		return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
	}
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func TestEveryColourIsSeenOnADarkPage(t *testing.T) {
	onDark := map[color.NRGBA]color.NRGBA{}
	for _, s := range Shades() {
		onDark[s.Light] = s.Dark
	}
	ground := onDark[paper]
	for _, light := range slices.Concat(others, muted, []color.NRGBA{black, Grey, Red}) {
		dark, ok := onDark[light]
		if !ok {
			dark = light
		}
		if c := contrast(dark, ground); c < 3 {
			t.Errorf("%v is %v on a dark page: contrast %.1f", light, dark, c)
		}
	}
}
