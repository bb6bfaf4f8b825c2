package statistics_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2)) }

func lognormal(rng *rand.Rand, n int, median float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = median * math.Exp(0.3*rng.NormFloat64())
	}
	slices.Sort(x)
	return x
}

func TestCleanDropsWhatIsNoNumberAndSorts(t *testing.T) {
	got, dropped := statistics.Clean([]float64{3, math.NaN(), 1, math.Inf(1), 2, math.Inf(-1)})
	if !slices.Equal(got, []float64{1, 2, 3}) || dropped != 3 {
		t.Errorf("%v, %d dropped", got, dropped)
	}
}

func TestEmptySamplesGiveNaNAndNeverPanic(t *testing.T) {
	for name, v := range map[string]float64{"quantile": statistics.Quantile(0.5, nil), "median": statistics.Median(nil),
		"mean": statistics.Mean(nil), "deviation": statistics.Deviation([]float64{1}),
		"interval": statistics.MedianInterval(nil).Low, "share": statistics.ShareInterval(nil).High,
		"ratio":      statistics.Ratio(nil, trials(1)).Low,
		"difference": statistics.Difference(trials(1), nil).High, "proportion": statistics.Proportion(0, 0).Low} {
		if !math.IsNaN(v) {
			t.Errorf("%s of nothing is %g", name, v)
		}
	}
	if statistics.ECDF(nil, 10) != nil {
		t.Error("an ECDF of nothing")
	}
}

func TestQuantilesAreOrderedMeasuredAndMonotone(t *testing.T) {
	for seed := range uint64(200) {
		rng := random(seed)
		x := lognormal(rng, 1+rng.IntN(300), 5)
		before := math.Inf(-1)
		for _, p := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
			q := statistics.Quantile(p, x)
			if _, there := slices.BinarySearch(x, q); !there || q < before {
				t.Fatalf("seed %d: quantile %g is %g after %g, or was never measured", seed, p, q, before)
			}
			before = q
		}
	}
}

func TestIntervalsHoldTheMedianAndShiftWithTheSample(t *testing.T) {
	for seed := range uint64(200) {
		rng := random(seed)
		x := lognormal(rng, 1+rng.IntN(500), 5)
		i := statistics.MedianInterval(x)
		m := statistics.Median(x)
		if i.Low > m || i.High < m || i.Low < x[0] || i.High > x[len(x)-1] {
			t.Fatalf("seed %d, n %d: %v does not hold the median %g", seed, len(x), i, m)
		}
		shifted := make([]float64, len(x))
		for k := range x {
			shifted[k] = 2 * x[k]
		}
		if j := statistics.MedianInterval(shifted); j.Low != 2*i.Low || j.High != 2*i.High {
			t.Fatalf("seed %d: twice the sample has the interval %v, once has %v", seed, j, i)
		}
	}
}

func TestECDFKeepsTheEndsAndRises(t *testing.T) {
	x := lognormal(random(5), 10_000, 5)
	e := statistics.ECDF(x, 100)
	if len(e) != 100 || e[0].X != x[0] || e[99] != (statistics.Point{X: x[len(x)-1], Y: 1}) {
		t.Fatalf("%d points from %v to %v", len(e), e[0], e[len(e)-1])
	}
	for i := 1; i < len(e); i++ {
		if e[i].X < e[i-1].X || e[i].Y <= e[i-1].Y {
			t.Fatalf("falls from %v to %v", e[i-1], e[i])
		}
	}
}

// Published: Wilson 1927 as in Newcombe, Statistics in Medicine 17 (1998),
// table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
func TestProportionIsWilsons(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		i := statistics.Proportion(float64(c.hits)/float64(c.n), float64(c.n))
		if math.Abs(i.Low-c.low) > 5e-5 || math.Abs(i.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, published %.4f to %.4f", c.hits, c.n, i.Low, i.High, c.low, c.high)
		}
	}
}

func TestMinForTails(t *testing.T) {
	if statistics.MinFor(0.99) != 1000 || statistics.MinFor(0.999) != 10_000 {
		t.Errorf("%d, %d", statistics.MinFor(0.99), statistics.MinFor(0.999))
	}
}
