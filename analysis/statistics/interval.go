package statistics

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Confidence is the level of every interval.
const Confidence = 0.95

// Interval is a confidence interval at the level [Confidence].
type Interval struct{ Low, High float64 }

// RelativeWidth is the interval's width as a share of the estimate; infinite
// where the estimate is 0 and the interval is not.
func (i Interval) RelativeWidth(estimate float64) float64 {
	if i.High == i.Low {
		return 0
	}
	return (i.High - i.Low) / math.Abs(estimate)
}

// Join is the least interval that holds both.
func (i Interval) Join(o Interval) Interval {
	return Interval{math.Min(i.Low, o.Low), math.Max(i.High, o.High)}
}

// MedianInterval is the percentile bootstrap interval of the median of a sorted
// sample of independent values. Nothing is drawn: that the k-th smallest of a
// resample is at most the j-th smallest of the sample has the probability that a
// binomial variable with n tries of probability j/n reaches k (Efron 1979, Maritz
// and Jarrett 1978), so this is what infinitely many resamples give, for any
// n at the same small cost.
func MedianInterval(sorted []float64) Interval {
	n := len(sorted)
	if n == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	tail := (1 - Confidence) / 2
	low := bootstrapRank(n, (n+1)/2, tail)
	high := bootstrapRank(n, n/2+1, 1-tail)
	return Interval{sorted[low-1], sorted[high-1]}
}

// bootstrapRank is the smallest rank j, from 1, for which the k-th smallest of
// a resample of n lies at or below rank j with probability p.
func bootstrapRank(n, k int, p float64) int {
	return 1 + sort.Search(n-1, func(i int) bool {
		b := distuv.Binomial{N: float64(n), P: float64(i+1) / float64(n)}
		return 1-b.CDF(float64(k-1)) >= p
	})
}

const (
	// FewTrials is the number of trials below which resampling them says
	// nothing: of 4, a resample holds only one of them every 64th time.
	FewTrials = 5

	resamples = 1000 // of trials; the bounds are then its 25th and 975th values
	thinned   = 256  // values kept of a trial while it is resampled
)

// ClusterInterval is the interval of the median of all values of several
// trials. Within a trial values are not independent (one machine state, one
// heap, one neighbour), so the trial is the unit: trials are resampled, each with all its
// values, and the pooled median is taken anew each time. A trial of
// many values is represented by its 256 quantiles with the weight of all.
//
// With fewer trials than [FewTrials] that cannot reach the level; the
// interval then spans the trials' medians and the interval within them. With one
// trial it is [MedianInterval]. Trials must be sorted; empty ones are ignored.
func ClusterInterval(trials [][]float64, seed uint64) Interval {
	trials = slices.DeleteFunc(slices.Clone(trials), func(t []float64) bool { return len(t) == 0 })
	switch {
	case len(trials) == 0:
		return Interval{math.NaN(), math.NaN()}
	case len(trials) == 1:
		return MedianInterval(trials[0])
	case len(trials) < FewTrials:
		all := slices.Concat(trials...)
		slices.Sort(all)
		i := MedianInterval(all)
		for _, t := range trials {
			m := Quantile(0.5, t)
			i = i.Join(Interval{m, m})
		}
		return i
	}
	pool := newPool(trials)
	rng := rand.New(rand.NewPCG(seed, uint64(len(trials))))
	medians := make([]float64, resamples)
	times := make([]float64, len(trials))
	for i := range medians {
		clear(times)
		for range trials {
			times[rng.IntN(len(times))]++
		}
		medians[i] = pool.median(times)
	}
	slices.Sort(medians)
	tail := (1 - Confidence) / 2
	return Interval{Quantile(tail, medians), Quantile(1-tail, medians)}
}

// pool holds the values of all trials, sorted, each with its trial.
type pool struct {
	values  []pooled
	weights []float64 // of one value of a trial
	sizes   []float64 // of a trial
}

type pooled struct {
	value float64
	trial int
}

func newPool(trials [][]float64) pool {
	p := pool{weights: make([]float64, len(trials)), sizes: make([]float64, len(trials))}
	for t, sorted := range trials {
		k := min(len(sorted), thinned)
		p.sizes[t], p.weights[t] = float64(len(sorted)), float64(len(sorted))/float64(k)
		for i := range k {
			// The middle of the i-th of k equal parts.
			p.values = append(p.values, pooled{sorted[(2*i+1)*len(sorted)/(2*k)], t})
		}
	}
	slices.SortFunc(p.values, func(a, b pooled) int { return cmp.Compare(a.value, b.value) })
	return p
}

// median is that of a resample which holds trial t times[t] times.
func (p pool) median(times []float64) float64 {
	half := 0.0
	for t, n := range times {
		half += n * p.sizes[t] / 2
	}
	sum := 0.0
	for _, v := range p.values {
		if sum += times[v.trial] * p.weights[v.trial]; sum >= half {
			return v.value
		}
	}
	return p.values[len(p.values)-1].value
}

// Proportion is Wilson's score interval of a share, hits out of n. It is wide
// and sensible where hits is 0: none of 100 failed means at most 4 % fail.
func Proportion(hits, n int) Interval {
	if n == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	z := distuv.UnitNormal.Quantile(1 - (1-Confidence)/2)
	N, p := float64(n), float64(hits)/float64(n)
	mid := (p + z*z/(2*N)) / (1 + z*z/N)
	half := z / (1 + z*z/N) * math.Sqrt(p*(1-p)/N+z*z/(4*N*N))
	return Interval{math.Max(0, mid-half), math.Min(1, mid+half)}
}

// ClusterRatioInterval is the interval of mean(a)/mean(b) over all values of
// several trials on either side. As for [ClusterInterval] the trial is the unit.
// With as many trials on both sides the k-th of each are a pair that met the same
// conditions, and pairs are resampled; else the sides' trials are, each by itself.
//
// With fewer trials than [FewTrials] the interval spans what each pair, or each
// two trials of both sides, gave, and the interval within them. With one on each
// side it is [RatioInterval].
func ClusterRatioInterval(a, b [][]float64, seed uint64) Interval {
	x, y := sumsOf(a), sumsOf(b)
	if len(x) == 0 || len(y) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	paired := len(x) == len(y) && len(x) == len(a) && len(y) == len(b)
	if min(len(x), len(y)) < FewTrials {
		i := RatioInterval(slices.Concat(a...), slices.Concat(b...), seed)
		for k := range x {
			for l := range y {
				if r := x[k].mean() / y[l].mean(); !paired || k == l {
					i = i.Join(Interval{r, r})
				}
			}
		}
		return i
	}
	rng := rand.New(rand.NewPCG(seed, uint64(len(x))))
	ratios := make([]float64, resamples)
	for i := range ratios {
		var over, under sums
		for range x {
			k := rng.IntN(len(x))
			over = over.plus(x[k])
			if paired {
				under = under.plus(y[k])
			}
		}
		for range y {
			if !paired {
				under = under.plus(y[rng.IntN(len(y))])
			}
		}
		ratios[i] = over.mean() / under.mean()
	}
	ratios, _ = Clean(ratios)
	tail := (1 - Confidence) / 2
	return Interval{Quantile(tail, ratios), Quantile(1-tail, ratios)}
}

// sums is what a trial adds to a mean.
type sums struct{ sum, n float64 }

func (s sums) plus(o sums) sums { return sums{s.sum + o.sum, s.n + o.n} }
func (s sums) mean() float64    { return s.sum / s.n }

// sumsOf leaves out trials without a value.
func sumsOf(trials [][]float64) []sums {
	var all []sums
	for _, t := range trials {
		if len(t) > 0 {
			all = append(all, sums{Mean(t) * float64(len(t)), float64(len(t))})
		}
	}
	return all
}

// RatioInterval is the interval of mean(a)/mean(b) of values that are independent
// of each other, by resampling both, seeded. Samples beyond a thousand values are
// resampled as their thousand means of consecutive blocks, which keeps what depends
// on its neighbours together.
func RatioInterval(a, b []float64, seed uint64) Interval {
	if len(a) == 0 || len(b) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	a, b = blocks(a), blocks(b)
	rng := rand.New(rand.NewPCG(seed, uint64(len(a))))
	ratios := make([]float64, resamples)
	for i := range ratios {
		ratios[i] = resampledMean(a, rng) / resampledMean(b, rng)
	}
	ratios, _ = Clean(ratios)
	tail := (1 - Confidence) / 2
	return Interval{Quantile(tail, ratios), Quantile(1-tail, ratios)}
}

func resampledMean(x []float64, rng *rand.Rand) float64 {
	sum := 0.0
	for range x {
		sum += x[rng.IntN(len(x))]
	}
	return sum / float64(len(x))
}

func blocks(x []float64) []float64 {
	const most = 1000
	if len(x) <= most {
		return x
	}
	means := make([]float64, most)
	for i := range means {
		means[i] = Mean(x[i*len(x)/most : (i+1)*len(x)/most])
	}
	return means
}
