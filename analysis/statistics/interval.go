package statistics

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Confidence is the level that an interval of a [Kind] other than [Range] reaches.
const Confidence = 0.95

// LeastTrials is the number of trials from which on an interval of the median reaches
// [Confidence]: the least and the greatest of five trials hold the median with a probability of
// 1 − 2·2⁻⁵ = 0.94, those of six with 0.97.
const LeastTrials = 6

// Kind says what an [Interval] promises.
type Kind string

// The kinds of intervals.
const (
	// Range spans the trials, from the least to the greatest. It has no level.
	Range Kind = "range"
	// OrderStatistics holds the population's value at [Confidence] or more.
	OrderStatistics Kind = "order statistics"
	// EffectiveWilson holds the population's share at [Confidence].
	EffectiveWilson Kind = "wilson, effective sample size"
)

// Interval is the interval of an estimate. The zero value is no interval.
type Interval struct {
	Low, High float64
	Kind      Kind
	Trials    int // that the interval rests on
}

// RelativeWidth is the interval's width as a share of the estimate; infinite
// where the estimate is 0 and the interval is not.
func (i Interval) RelativeWidth(estimate float64) float64 {
	if i.High == i.Low {
		return 0
	}
	return (i.High - i.Low) / math.Abs(estimate)
}

// MedianInterval is the interval of the population median of trials, from one value of each
// trial in any order: of a latency the median within the trial, of a throughput or a size the
// trial's figure. The estimand is the median over all trials that could have been run, not the
// median over all invocations: invocations of one trial share a machine state, a heap and their
// neighbours, so that only trials are independent of each other.
//
// From [LeastTrials] trials on the bounds are order statistics. The number of trials below the
// median is binomial with probability 1/2 whatever the distribution, so the k-th least and the
// k-th greatest value hold the median with the probability 1 − 2·P(Bin(n, 1/2) < k); k is the
// greatest for which that reaches [Confidence] (Conover, Practical Nonparametric Statistics,
// 1999, section 3.2). In simulations of 4,000 repeats each, of 6 to 20 trials, that held in 94.8 %
// or more. Interpolated order statistics (Hettmansperger and Sheather 1986) held in 92.0 % or
// more, and t on the logs in 5.6 % where the distribution has two modes.
//
// Below [LeastTrials] it is the [Range] of the trials.
func MedianInterval(trials []float64) Interval {
	sorted := slices.Sorted(slices.Values(trials))
	n := len(sorted)
	switch {
	case n == 0:
		return Interval{Low: math.NaN(), High: math.NaN()}
	case n < LeastTrials:
		return Interval{sorted[0], sorted[n-1], Range, n}
	}
	k := orderRank(n)
	return Interval{sorted[k-1], sorted[n-k], OrderStatistics, n}
}

// orderRank is the greatest rank k for which the k-th least and the k-th greatest of n values
// hold the median at [Confidence]; at least 1.
func orderRank(n int) int {
	below := distuv.Binomial{N: float64(n), P: 0.5}
	k := 1
	for k < n/2 && 1-2*below.CDF(float64(k)) >= Confidence {
		k++
	}
	return k
}

// Share is the part of one trial in a proportion: so many hits out of n.
type Share struct{ Hits, N int }

// ShareInterval is the interval of the share of hits among all values of several trials.
//
// From [LeastTrials] trials on it is Wilson's with the effective sample size: hits of one trial
// come together, so the number of values is divided by how much more the trials differ than
// independent values would (Korn and Graubard, Survey Methodology 24, 1998). In
// simulations with shares of 5 % and 30 % that held in 93.2 % or more. Below, it is the
// [Range] of the trials' shares. Trials without values are ignored.
func ShareInterval(trials []Share) Interval {
	trials = slices.DeleteFunc(slices.Clone(trials), func(t Share) bool { return t.N == 0 })
	k := len(trials)
	if k < LeastTrials {
		shares := make([]float64, k)
		for i, t := range trials {
			shares[i] = float64(t.Hits) / float64(t.N)
		}
		return MedianInterval(shares)
	}
	hits, n := 0, 0
	for _, t := range trials {
		hits, n = hits+t.Hits, n+t.N
	}
	p, between := float64(hits)/float64(n), 0.0
	for _, t := range trials {
		d := (float64(t.Hits) - p*float64(t.N)) / float64(n)
		between += d * d * float64(k) / float64(k-1)
	}
	effective := float64(n)
	if between > 0 {
		effective = math.Min(effective, p*(1-p)/between)
	}
	tail := 1 - (1-Confidence)/2
	t := distuv.StudentsT{Sigma: 1, Nu: float64(k - 1)}.Quantile(tail)
	z := distuv.UnitNormal.Quantile(tail)
	i := Proportion(p, effective*z*z/(t*t))
	i.Kind, i.Trials = EffectiveWilson, k
	return i
}

// Proportion is Wilson's score interval of a share p of n independent values. It is wide and
// sensible where p is 0: none of 100 means at most 4 %.
func Proportion(p, n float64) Interval {
	if !(n > 0) {
		return Interval{Low: math.NaN(), High: math.NaN()}
	}
	z := distuv.UnitNormal.Quantile(1 - (1-Confidence)/2)
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Interval{Low: math.Max(0, mid-half), High: math.Min(1, mid+half)}
}
