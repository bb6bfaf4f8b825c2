package statistics_test

import (
	"math"
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// trials are values of blocks 1, 2, …
func trials(values ...float64) []statistics.Trial {
	var all []statistics.Trial
	for i, v := range values {
		all = append(all, statistics.Trial{Number: i + 1, Block: i + 1, Value: v})
	}
	return all
}

func apart(t []statistics.Trial) []statistics.Trial {
	t = slices.Clone(t)
	for i := range t {
		t[i].Block = 0
	}
	return t
}

func TestFewTrialsGiveTheirRangeAndNoInterval(t *testing.T) {
	for n := 1; n < statistics.LeastTrials; n++ {
		values := []float64{5, 3, 9, 4, 8}[:n]
		want := statistics.Interval{Low: slices.Min(values), High: slices.Max(values), Kind: statistics.Range,
			Trials: n}
		if got := statistics.MedianInterval(values); got != want {
			t.Errorf("%d trials: %+v", n, got)
		}
	}
	few := trials(1, 2, 3, 4, 5)
	for name, e := range map[string]statistics.Estimate{"ratio of pairs": statistics.Ratio(few, few),
		"ratio":      statistics.Ratio(apart(few), trials(1, 2, 3, 4, 5, 6, 7)),
		"difference": statistics.Difference(few, few)} {
		if e.Kind != statistics.Range || e.Trials != 5 {
			t.Errorf("%s: %+v", name, e)
		}
	}
	shares := []statistics.Share{{Hits: 1, N: 10}, {N: 10}, {Hits: 3, N: 10}, {}}
	if i := statistics.ShareInterval(shares); i != (statistics.Interval{High: 0.3, Kind: statistics.Range, Trials: 3}) {
		t.Errorf("shares: %+v", i)
	}
}

// Published: Conover, Practical Nonparametric Statistics, table A3 for p = 1/2; the levels are
// 1 − 2·P(Bin(n, 1/2) < rank).
func TestRanksAreThoseOfTheBinomial(t *testing.T) {
	for n, rank := range map[int]int{6: 1, 7: 1, 8: 1, 9: 2, 10: 2, 12: 3, 15: 4, 20: 6, 25: 8, 100: 40} {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(n - i)
		}
		want := statistics.Interval{Low: float64(rank), High: float64(n + 1 - rank), Kind: statistics.OrderStatistics,
			Trials: n}
		if got := statistics.MedianInterval(values); got != want {
			t.Errorf("%d trials: %+v, want %+v", n, got, want)
		}
	}
}

func TestPairsShareTheirConditions(t *testing.T) {
	rng := random(10)
	var a, b []statistics.Trial
	for block := range 8 {
		both := math.Exp(0.5 * rng.NormFloat64())
		a = append(a, statistics.Trial{Block: block + 1, Value: 10 * both})
		b = append(b, statistics.Trial{Block: block + 1, Value: 5 * both})
	}
	slices.Reverse(b)
	width := func(e statistics.Estimate) float64 { return e.High - e.Low }
	alike, unlike := statistics.Ratio(a, b), statistics.Ratio(apart(a), apart(b))
	if math.Abs(alike.Value-2) > 1e-9 || width(alike) > 1e-9 || len(alike.Pairs) != 8 {
		t.Errorf("in pairs %+v", alike)
	}
	if unlike.Pairs != nil || unlike.Low >= 2 || unlike.High <= 2 || width(unlike) < 0.5 {
		t.Errorf("not in pairs %+v", unlike)
	}
	if d := statistics.Difference(a, b); d.Pairs == nil || d.Value <= 0 || d.Low <= 0 {
		t.Errorf("difference %+v", d)
	}
}

func TestTrialsOfOtherBlocksAreNoPairs(t *testing.T) {
	a := trials(1, 2, 3, 4, 5, 6)
	missing, twice := trials(1, 2, 3, 4, 5, 6, 7)[1:], trials(1, 2, 3, 4, 5, 6)
	twice[1].Block = 1
	for name, b := range map[string][]statistics.Trial{"another block": missing, "one fewer": a[:5],
		"unknown": apart(a), "a block twice": twice} {
		if e := statistics.Ratio(a, b); e.Pairs != nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestARatioIsOfPositiveValues(t *testing.T) {
	for _, b := range [][]statistics.Trial{trials(1, 0), trials(-1, 1), trials(math.NaN(), 1)} {
		if e := statistics.Ratio(trials(1, 2), b); !math.IsNaN(e.Value) || !math.IsNaN(e.Low) || !math.IsNaN(e.High) {
			t.Errorf("over %v: %+v", b, e)
		}
	}
}
