package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Spacing is the distribution of the gaps between a function's calls in one minute, of which a
// trace by minute has the number of calls alone. The gaps of a minute, the one over its end
// included, are scaled to a minute, and begin at a drawn moment: the calls of all functions at
// second 0 would be a burst that no platform has seen.
type Spacing string

// The spacings.
const (
	Exponential Spacing = "exponential" // as of a Poisson process
	Uniform     Spacing = "uniform"     // from nothing to twice the mean
	Equidistant Spacing = "equidistant" // equal; the moment is the function's own in every minute
)

func (s Spacing) check() error {
	switch s {
	case Exponential, Uniform, Equidistant:
		return nil
	}
	return fmt.Errorf("no spacing %q; want %s, %s or %s", s, Exponential, Uniform, Equidistant)
}

// lay appends n moments in a minute, in seconds and in no order. Own is from 0 to 1.
func (s Spacing) lay(moments []float64, n int, own float64, rng *rand.Rand) []float64 {
	start, gap := own, func() float64 { return 1 }
	switch s {
	case Exponential:
		start, gap = rng.Float64(), rng.ExpFloat64
	case Uniform:
		start, gap = rng.Float64(), rng.Float64
	}
	from, sum := len(moments), 0.0
	for range n {
		sum += gap()
		moments = append(moments, sum)
	}
	for i := from; i < len(moments); i++ {
		part := start
		if sum > 0 {
			part += moments[i] / sum
		}
		_, part = math.Modf(part)
		moments[i] = 60 * part
	}
	return moments
}
