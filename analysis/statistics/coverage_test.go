package statistics_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// leastCoverage is the share of intervals that must hold the truth: the level, less two points
// for the approximations of ratios and shares and for the simulation itself.
const leastCoverage = 0.93

// latency is a skewed distribution, by its quantile function.
type latency struct {
	name string
	at   func(u float64) float64
}

var latencies = []latency{
	{"lognormal", func(u float64) float64 { return math.Exp(0.8 * distuv.UnitNormal.Quantile(u)) }},
	{"shifted exponential", func(u float64) float64 { return 1 - 2*math.Log(1-u) }},
	{"Pareto, shape 1.5", func(u float64) float64 { return math.Pow(1-u, -1/1.5) }},
}

// host says how trials differ: by the factor of one trial.
type host struct {
	name   string
	factor func(rng *rand.Rand) float64
}

var hosts = []host{
	{"the same in every trial", func(*rand.Rand) float64 { return 1 }},
	{"skewed between trials", func(rng *rand.Rand) float64 { return 1 + 0.5*rng.ExpFloat64() }},
}

// median draws the median of a trial of so many calls, an odd number: the middle one of n
// uniform values has a beta distribution, and quantile functions keep the order.
func (l latency) median(rng *rand.Rand, h host, calls int) float64 {
	middle := float64(calls+1) / 2
	return h.factor(rng) * l.at(distuv.Beta{Alpha: middle, Beta: middle, Src: rng}.Rand())
}

// truth is the population median of trials, from 10,001 of them.
func (l latency) truth(rng *rand.Rand, h host, calls int) float64 {
	all := make([]float64, 10_001)
	for i := range all {
		all[i] = l.median(rng, h, calls)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// covered is the share of intervals of n trials that hold the truth.
func covered(n, runs int, truth float64, interval func(n int) statistics.Interval) float64 {
	hit := 0
	for range runs {
		if i := interval(n); i.Low <= truth && truth <= i.High {
			hit++
		}
	}
	return float64(hit) / float64(runs)
}

// callsATrial is 1 where a trial gives one figure, a throughput or a size.
var callsATrial = []int{1, 31}

func TestIntervalsHoldTheMedianOfTrials(t *testing.T) {
	const runs = 500
	for _, l := range latencies {
		for _, h := range hosts {
			for _, calls := range callsATrial {
				rng := random(uint64(calls))
				truth := l.truth(rng, h, calls)
				for _, n := range []int{6, 8, 10, 20} {
					share := covered(n, runs, truth, func(n int) statistics.Interval {
						values := make([]float64, n)
						for i := range values {
							values[i] = l.median(rng, h, calls)
						}
						return statistics.MedianInterval(values)
					})
					if share < leastCoverage {
						t.Errorf("%s, %s, %d calls a trial, %d trials: %.3f of the intervals hold the median",
							l.name, h.name, calls, n, share)
					}
				}
			}
		}
	}
}

// Both sides of a gain have another distribution, and in pairs a factor of their block.
func TestIntervalsHoldTheRatioOfMedians(t *testing.T) {
	const runs = 500
	block := hosts[1]
	for k, l := range latencies {
		other := latencies[(k+1)%len(latencies)]
		for _, calls := range callsATrial {
			rng := random(uint64(calls))
			pairs := make([]float64, 10_001)
			for i := range pairs {
				pairs[i] = l.median(rng, hosts[0], calls) / other.median(rng, hosts[0], calls)
			}
			slices.Sort(pairs)
			apart := l.truth(rng, block, calls) / other.truth(rng, block, calls)
			for name, truth := range map[string]float64{"in pairs": pairs[len(pairs)/2], "apart": apart} {
				rng := random(uint64(calls))
				for _, n := range []int{6, 8, 10, 20} {
					share := covered(n, runs, truth, func(n int) statistics.Interval {
						a, b := trials(make([]float64, n)...), trials(make([]float64, n)...)
						for i := range a {
							f := block.factor(rng)
							a[i].Value = f * l.median(rng, hosts[0], calls)
							b[i].Value = f * other.median(rng, hosts[0], calls)
							if name == "apart" {
								a[i].Value, a[i].Block = l.median(rng, block, calls), 0
								b[i].Value = other.median(rng, block, calls)
							}
						}
						return statistics.Ratio(a, b).Interval
					})
					if share < leastCoverage {
						t.Errorf("%s over %s, %s, %d calls a trial, %d trials: %.3f of the intervals hold the ratio",
							l.name, other.name, name, calls, n, share)
					}
				}
			}
		}
	}
}

// Failures come together: a trial's own rate varies around the population's.
func TestIntervalsHoldTheShareOfFailures(t *testing.T) {
	const runs, calls = 1500, 200
	for _, rate := range []float64{0.1, 0.3} {
		for name, spread := range map[string]float64{"the same in every trial": math.Inf(1), "between trials": 20} {
			rng := random(7)
			for _, n := range []int{6, 8, 10, 20} {
				share := covered(n, runs, rate, func(n int) statistics.Interval {
					all := make([]statistics.Share, n)
					for i := range all {
						p := rate
						if !math.IsInf(spread, 1) {
							p = distuv.Beta{Alpha: rate * spread, Beta: (1 - rate) * spread, Src: rng}.Rand()
						}
						all[i] = statistics.Share{Hits: int(distuv.Binomial{N: calls, P: p, Src: rng}.Rand()), N: calls}
					}
					return statistics.ShareInterval(all)
				})
				if share < leastCoverage {
					t.Errorf("%g failed, %s, %d trials: %.3f of the intervals hold the share", rate, name, n, share)
				}
			}
		}
	}
}
