package traffic

import (
	"math"
	"sort"
)

// Quantiles is a distribution by some of its quantiles, in order.
type Quantiles []Quantile

// Quantile says that the share Share of the values is at most Value.
type Quantile struct{ Share, Value float64 }

// At is the value at a share from 0 to 1. Between two quantiles the logarithm of the value is
// taken to be linear in the share, as durations and sizes spread over decades; where a quantile
// is 0, the value is.
func (q Quantiles) At(share float64) float64 {
	if len(q) == 0 {
		return 0
	}
	i := sort.Search(len(q), func(i int) bool { return q[i].Share >= share })
	switch {
	case i == 0:
		return q[0].Value
	case i == len(q):
		return q[i-1].Value
	}
	a, b := q[i-1], q[i]
	part := (share - a.Share) / (b.Share - a.Share)
	if a.Value > 0 {
		return a.Value * math.Pow(b.Value/a.Value, part)
	}
	return a.Value + part*(b.Value-a.Value)
}

// add appends a quantile; false means that it is below the one before.
func (q *Quantiles) add(share, value float64) bool {
	if n := len(*q); n > 0 && value < (*q)[n-1].Value {
		return false
	}
	*q = append(*q, Quantile{share, value})
	return true
}
