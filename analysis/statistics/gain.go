package statistics

import (
	"cmp"
	"math"
	"slices"
)

// Trial is the value of one trial.
type Trial struct {
	Number int     `json:"trial"`
	Block  int     `json:"block"` // 0 where it is not known
	Value  float64 `json:"value"`
}

// Values are the values of trials.
func Values(trials []Trial) []float64 {
	values := make([]float64, len(trials))
	for i, t := range trials {
		values[i] = t.Value
	}
	return values
}

// Estimate is a figure with its interval.
type Estimate struct {
	Value float64
	Interval
	Pairs []Trial // the value of each block; nil where the trials are not paired
}

// Ratio is a over b, of positive values; NaN where a value is not positive.
//
// Where both have one trial in each of the same blocks, the trials of a block met the same
// conditions and are a pair: the estimand is the population median of the pairs' ratios, with
// the interval of [MedianInterval].
//
// Else the estimand is the ratio of the population medians of trials. From [LeastTrials] on
// both sides the intervals of the two medians are combined on the logs (MOVER: Donner and Zou,
// Statistical Methods in Medical Research 21, 2012); below, the interval spans every trial of a
// over every trial of b.
func Ratio(a, b []Trial) Estimate {
	if slices.ContainsFunc(slices.Concat(a, b), func(t Trial) bool { return !(t.Value > 0) }) {
		return Estimate{Value: math.NaN(), Interval: Interval{Low: math.NaN(), High: math.NaN()}}
	}
	if pairs, ok := paired(a, b, func(x, y float64) float64 { return x / y }); ok {
		return ofPairs(pairs)
	}
	onLogs := func(t []Trial) []Trial {
		t = slices.Clone(t)
		for i := range t {
			t[i].Value = math.Log(t[i].Value)
		}
		return t
	}
	e := apart(onLogs(a), onLogs(b))
	e.Low, e.High = math.Exp(e.Low), math.Exp(e.High)
	e.Value = Median(Values(a)) / Median(Values(b))
	return e
}

// Difference is a less b, by the same rules as [Ratio], on the values instead of the logs.
func Difference(a, b []Trial) Estimate {
	if pairs, ok := paired(a, b, func(x, y float64) float64 { return x - y }); ok {
		return ofPairs(pairs)
	}
	return apart(a, b)
}

func ofPairs(pairs []Trial) Estimate {
	values := Values(pairs)
	return Estimate{Median(values), MedianInterval(values), pairs}
}

// apart is the difference of the medians of trials that are no pairs.
func apart(a, b []Trial) Estimate {
	va, vb := Values(a), Values(b)
	x, y, mx, my := MedianInterval(va), MedianInterval(vb), Median(va), Median(vb)
	e := Estimate{Value: mx - my, Interval: Interval{Trials: min(x.Trials, y.Trials), Kind: OrderStatistics}}
	if e.Trials < LeastTrials {
		e.Kind = Range
		if e.Trials == 0 {
			e.Low, e.High = math.NaN(), math.NaN()
			return e
		}
		e.Low, e.High = slices.Min(va)-slices.Max(vb), slices.Max(va)-slices.Min(vb)
		return e
	}
	e.Low = e.Value - math.Hypot(mx-x.Low, y.High-my)
	e.High = e.Value + math.Hypot(x.High-mx, my-y.Low)
	return e
}

// paired is one value for each block; false where the two do not have one trial each in the
// same blocks.
func paired(a, b []Trial, of func(x, y float64) float64) ([]Trial, bool) {
	if len(a) == 0 || len(a) != len(b) {
		return nil, false
	}
	byBlock := func(x, y Trial) int { return cmp.Compare(x.Block, y.Block) }
	a, b = slices.SortedFunc(slices.Values(a), byBlock), slices.SortedFunc(slices.Values(b), byBlock)
	pairs := make([]Trial, len(a))
	for i := range a {
		if a[i].Block == 0 || a[i].Block != b[i].Block || i > 0 && a[i].Block == a[i-1].Block {
			return nil, false
		}
		pairs[i] = Trial{Number: a[i].Number, Block: a[i].Block, Value: of(a[i].Value, b[i].Value)}
	}
	return pairs, true
}
