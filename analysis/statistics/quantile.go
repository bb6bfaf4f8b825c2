// Package statistics has the few statistics that the analysis rests on, and
// says for each which library computes it.
//
//   - Quantiles: gonum/stat, on sorted samples ([Quantile]); the median of a
//     handful of figures: montanaflynn/stats ([Median]).
//   - Intervals of a median over trials: order statistics, with gonum's binomial
//     distribution ([MedianInterval]); of fewer than six trials, their range.
//   - Gains and differences: of trials paired by block, else of the two intervals
//     combined ([Ratio], [Difference]).
//   - Comparison of two samples: the Mann-Whitney U test of go-moremath, which
//     is benchstat's ([RankTest]).
//   - Proportions: Wilson's score interval ([Proportion]); over trials with the
//     effective sample size ([ShareInterval]).
//
// Samples may hold anything: what is not a finite number is dropped by [Clean],
// which every sample passes first.
package statistics

import (
	"math"
	"slices"

	"github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat"
)

// Clean drops what is not a finite number, in place, and sorts what is left.
// It returns how many were dropped.
func Clean(x []float64) (sorted []float64, dropped int) {
	sorted = slices.DeleteFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	slices.Sort(sorted)
	return sorted, len(x) - len(sorted)
}

// Quantile is the smallest value of the sorted sample that at least the share p
// of it does not exceed: a value that was measured, never one in between. It is NaN
// for an empty sample.
func Quantile(p float64, sorted []float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return stat.Quantile(p, stat.Empirical, sorted, nil)
}

// Median is the middle of x in any order, the mean of the two middle ones for
// an even number. It is NaN for an empty sample.
func Median(x []float64) float64 {
	m, err := stats.Median(x)
	if err != nil {
		return math.NaN()
	}
	return m
}

// Mean is the arithmetic mean, NaN for an empty sample.
func Mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	return stat.Mean(x, nil)
}

// Deviation is the standard deviation of the population that x was drawn from, NaN for fewer
// than two values.
func Deviation(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	return stat.StdDev(x, nil)
}

// MinFor is the least number of samples for which the quantile p is not just
// one of the ten largest: 10 / (1-p).
func MinFor(p float64) int { return int(math.Ceil(10/(1-p) - 1e-9)) }

// Point is one step of an [ECDF]: the share Y of the sample is at most X.
type Point struct{ X, Y float64 }

// ECDF is the empirical distribution function of a sorted sample, thinned to
// at most limit steps that are evenly spaced in Y. The least and the greatest value
// are always there.
func ECDF(sorted []float64, limit int) []Point {
	n := len(sorted)
	if n == 0 || limit < 2 {
		return nil
	}
	k := min(n, limit)
	points := make([]Point, k)
	for i := range points {
		j := i
		if k < n {
			j = int(math.Round(float64(i) * float64(n-1) / float64(k-1)))
		}
		points[i] = Point{sorted[j], float64(j+1) / float64(n)}
	}
	return points
}
