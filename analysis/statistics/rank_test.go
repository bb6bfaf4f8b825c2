package statistics_test

import (
	"math"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Golden values: published examples, and those that R prints in its own manual
// page of wilcox.test.
func TestRankTestGivesPublishedValues(t *testing.T) {
	for _, c := range []struct {
		name      string
		a, b      []float64
		p, within float64
	}{
		{ // Hollander and Wolfe 1973, p. 69f: permeability of the chorioamnion; R, ?wilcox.test: exact, greater, 0.1272
			"Hollander and Wolfe, no ties", []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46},
			[]float64{1.15, 0.88, 0.90, 0.74, 1.21}, 2 * 0.1272, 2e-4,
		},
		{ // all of one side above the other, 4 against 4: 2 / C(8, 4)
			"apart, 4 against 4", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 2.0 / 70, 1e-9,
		},
		{ // with ties, by counting all 70 divisions of the eight values: 12 are at least as extreme
			"ties, by enumeration", []float64{1, 1, 2, 3}, []float64{2, 3, 3, 4},
			enumerated([]float64{1, 1, 2, 3}, []float64{2, 3, 3, 4}), 1e-9,
		},
	} {
		got := statistics.RankTest(c.a, c.b)
		if math.Abs(got.P-c.p) > c.within {
			t.Errorf("%s: p %.5f, published %.5f", c.name, got.P, c.p)
		}
		if back := statistics.RankTest(c.b, c.a); math.Abs(back.P-got.P) > 1e-9 {
			t.Errorf("%s: p %.5f, the other way round %.5f", c.name, got.P, back.P)
		}
	}
}

// enumerated is the exact two-sided p, by trying every division of the pooled
// values into two groups.
func enumerated(a, b []float64) float64 {
	pool := append(append([]float64{}, a...), b...)
	u := func(in uint) float64 {
		s := 0.0
		for i, x := range pool {
			for k, y := range pool {
				if in>>i&1 == 1 && in>>k&1 == 0 {
					if x > y {
						s++
					} else if x == y {
						s += 0.5
					}
				}
			}
		}
		return s
	}
	mid := float64(len(a)*len(b)) / 2
	seen := math.Abs(u(1<<len(a)-1) - mid)
	extreme, all := 0.0, 0.0
	for in := uint(0); in < 1<<len(pool); in++ {
		ones := 0
		for i := range pool {
			ones += int(in >> i & 1)
		}
		if ones != len(a) {
			continue
		}
		all++
		if math.Abs(u(in)-mid) >= seen-1e-9 {
			extreme++
		}
	}
	return extreme / all
}

func TestRankTestSaysWhyItSaysNothing(t *testing.T) {
	for _, c := range [][2][]float64{{{1, 2, 3}, {4, 5, 6, 7}}, {{1, 1, 1, 1}, {1, 1, 1, 1}}, {nil, nil}} {
		if got := statistics.RankTest(c[0], c[1]); got.Shown || got.P != 1 || got.Note == "" {
			t.Errorf("%v against %v: %+v", c[0], c[1], got)
		}
	}
}

func TestRankTestFindsNoDifferenceAboutAsOftenAsItShould(t *testing.T) {
	rng := random(8)
	const runs = 1000
	found := 0
	for range runs {
		if statistics.RankTest(lognormal(rng, 30, 5), lognormal(rng, 40, 5)).Shown {
			found++
		}
	}
	if share := float64(found) / runs; share > 0.08 || share < 0.02 {
		t.Errorf("a difference in %.3f of the cases where there is none", share)
	}
}

func TestRankTestWithAMillionValues(t *testing.T) {
	rng := random(9)
	if got := statistics.RankTest(lognormal(rng, 500_000, 5), lognormal(rng, 500_000, 5.05)); !got.Shown {
		t.Errorf("%+v", got)
	}
}
