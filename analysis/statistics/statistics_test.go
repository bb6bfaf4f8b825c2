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
	low := statistics.MedianInterval(nil).Low
	cluster := statistics.ClusterInterval([][]float64{{}, nil}, 1).High
	for name, v := range map[string]float64{"quantile": statistics.Quantile(0.5, nil), "median": statistics.Median(nil),
		"mean":     statistics.Mean(nil),
		"interval": low, "cluster": cluster, "ratio": statistics.RatioInterval(nil, []float64{1}, 1).Low,
		"share": statistics.Proportion(0, 0).Low} {
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

// The closed form must be what drawing resamples tends to.
func TestMedianIntervalIsTheBootstraps(t *testing.T) {
	rng := random(1)
	for _, n := range []int{5, 25, 101, 400} {
		x := lognormal(rng, n, 5)
		medians := make([]float64, 5000)
		resample := make([]float64, n)
		for i := range medians {
			for k := range resample {
				resample[k] = x[rng.IntN(n)]
			}
			slices.Sort(resample)
			medians[i] = statistics.Quantile(0.5, resample)
		}
		slices.Sort(medians)
		rank := func(v float64) int { r, _ := slices.BinarySearch(x, v); return r }
		got := statistics.MedianInterval(x)
		for _, c := range [][2]float64{{got.Low, statistics.Quantile(0.025, medians)},
			{got.High, statistics.Quantile(0.975, medians)}} {
			if d := rank(c[0]) - rank(c[1]); d < -2 || d > 2 {
				t.Errorf("n %d: bound %g, drawn %g, %d ranks apart", n, c[0], c[1], d)
			}
		}
	}
}

func TestMedianIntervalCoversAtItsLevel(t *testing.T) {
	rng := random(3)
	const runs = 800
	for _, n := range []int{20, 101} {
		covered := 0
		for range runs {
			if i := statistics.MedianInterval(lognormal(rng, n, 5)); i.Low <= 5 && 5 <= i.High {
				covered++
			}
		}
		if share := float64(covered) / runs; share < 0.92 || share > 0.98 {
			t.Errorf("n %d: %.3f of the intervals hold the true median", n, share)
		}
	}
}

func TestTrialsAreTheUnitOfClusterIntervals(t *testing.T) {
	rng := random(4)
	var trials [][]float64
	for range 8 {
		trials = append(trials, lognormal(rng, 5000, 5*math.Exp(0.2*rng.NormFloat64())))
	}
	all := slices.Concat(trials...)
	slices.Sort(all)
	flat, cluster := statistics.MedianInterval(all), statistics.ClusterInterval(trials, 1)
	if m := statistics.Quantile(0.5, all); cluster.Low > m || cluster.High < m {
		t.Errorf("%v does not hold the median %g", cluster, m)
	}
	if cluster.High-cluster.Low < 5*(flat.High-flat.Low) {
		t.Errorf("trials differ by a fifth, but over trials the interval is %v and over values %v", cluster, flat)
	}
	if again := statistics.ClusterInterval(trials, 1); again != cluster {
		t.Errorf("the same seed gives %v and %v", cluster, again)
	}
}

// Eight pairs of trials: each pair shares a factor, as two schedules do that meet
// the same weather, and each side is twice the other but for its own factor.
func TestTrialsAreTheUnitOfRatiosAndPairsShareTheirConditions(t *testing.T) {
	rng := random(10)
	pairs := func(shared, own float64) (a, b [][]float64) {
		for range 8 {
			both := math.Exp(shared * rng.NormFloat64())
			a = append(a, lognormal(rng, 2000, 10*both*math.Exp(own*rng.NormFloat64())))
			b = append(b, lognormal(rng, 2000, 5*both*math.Exp(own*rng.NormFloat64())))
		}
		return a, b
	}
	width := func(i statistics.Interval) float64 { return i.High - i.Low }
	a, b := pairs(0, 0.2)
	flat, cluster := statistics.RatioInterval(slices.Concat(a...), slices.Concat(b...), 1),
		statistics.ClusterRatioInterval(a, b, 1)
	if ratio := statistics.Mean(slices.Concat(a...)) / statistics.Mean(slices.Concat(b...)); cluster.Low > ratio ||
		cluster.High < ratio {
		t.Errorf("%v does not hold the ratio %g", cluster, ratio)
	}
	if width(cluster) < 3*width(flat) {
		t.Errorf("trials differ by a fifth, but over trials the interval is %v and over values %v", cluster, flat)
	}
	a, b = pairs(0.5, 0)
	if alike, apart := statistics.ClusterRatioInterval(a, b, 1),
		statistics.ClusterRatioInterval(a, b[:7], 1); width(alike) > width(apart)/5 || alike.Low > 2.05 ||
		alike.High < 1.95 {
		t.Errorf("in pairs %v, not in pairs %v", alike, apart)
	}
}

func TestFewTrialsSpanTheirRatios(t *testing.T) {
	a, b := [][]float64{{2, 2, 2}, {9, 9, 9}}, [][]float64{{1, 1, 1}, {3, 3, 3}}
	if i := statistics.ClusterRatioInterval(a, b, 1); i.Low > 2 || i.High < 3 {
		t.Errorf("pairs of 2 and 3: %v", i)
	}
	if i := statistics.ClusterRatioInterval(a, b[:1], 1); i.Low != 2 || i.High != 9 {
		t.Errorf("one trial against two: %v", i)
	}
	if one := statistics.ClusterRatioInterval(a[:1], b[:1], 1); one != statistics.RatioInterval(a[0], b[0], 1) {
		t.Errorf("one against one: %v", one)
	}
	if i := statistics.ClusterRatioInterval(a, [][]float64{nil}, 1); !math.IsNaN(i.Low) {
		t.Errorf("against nothing: %v", i)
	}
}

func TestFewTrialsSpanTheirMedians(t *testing.T) {
	a, b := []float64{1, 1, 1, 1, 1}, []float64{9, 9, 9, 9, 9}
	if i := statistics.ClusterInterval([][]float64{a, b, {}}, 1); i.Low != 1 || i.High != 9 {
		t.Errorf("interval %v", i)
	}
	if i := statistics.ClusterInterval([][]float64{a}, 1); i != statistics.MedianInterval(a) {
		t.Errorf("interval of one trial %v", i)
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
		i := statistics.Proportion(c.hits, c.n)
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

func BenchmarkClusterInterval(b *testing.B) {
	rng := random(6)
	var trials [][]float64
	for range 5 {
		trials = append(trials, lognormal(rng, 100_000, 5))
	}
	for b.Loop() {
		statistics.ClusterInterval(trials, 1)
	}
}

func BenchmarkMedianIntervalOfAMillion(b *testing.B) {
	x := lognormal(random(7), 1_000_000, 5)
	for b.Loop() {
		statistics.MedianInterval(x)
	}
}
