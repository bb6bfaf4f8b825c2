package traffic

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Distance is how far a sample's mean durations of functions are from the whole trace's, in
// three weights: the greatest difference of the cumulative shares (Kolmogorov and Smirnov's), 0
// to 1. Function counts each function once, Call as often as it is called, Time by the time that
// it computes. A sample is like the whole where all three are small.
type Distance struct{ Function, Call, Time float64 }

func (d Distance) String() string {
	return fmt.Sprintf("distance to the whole (KS of durations): %.4f by function, %.4f by call, %.4f by time computed",
		d.Function, d.Call, d.Time)
}

func (d Distance) worst() float64 { return max(d.Function, d.Call, d.Time) }

// samples is how many samples Thin draws, to return the one nearest to the whole.
const samples = 64

// Thin keeps n of the functions, with all of their calls, at the times at which they are made.
// A sample has one function of each of n equally large strata in the order of popularity, so it
// has its share of the few functions that make most calls; of 64 samples the nearest is taken.
// The time covered stays: the load is lower, and its shape is kept.
func (tr *Trace) Thin(n int, seed uint64) (*Trace, Distance, error) {
	if n < 1 || n > len(tr.Functions) {
		return nil, Distance{}, fmt.Errorf("thin: %d functions; the trace has %d, want 1 to as many", n,
			len(tr.Functions))
	}
	byCalls := tr.order(func(f *Function) int64 { return f.Calls })
	byMean := tr.order(func(f *Function) int64 { return int64(f.Mean) })
	rng := rand.New(rand.NewPCG(seed, 0x7417))
	whole := tr.weighted(byMean, nil)
	var best []bool
	var distance Distance
	for range samples {
		chosen := make([]bool, len(byCalls))
		for s := range n {
			from, to := s*len(byCalls)/n, (s+1)*len(byCalls)/n
			chosen[byCalls[from+rng.IntN(to-from)]] = true
		}
		if d := whole.distance(tr.weighted(byMean, chosen)); best == nil || d.worst() < distance.worst() {
			best, distance = chosen, d
		}
	}
	return tr.only(best), distance, nil
}

// order is the functions' indices in the order of a key.
func (tr *Trace) order(key func(*Function) int64) []int {
	all := make([]int, len(tr.Functions))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int {
		return cmp.Compare(key(&tr.Functions[a]), key(&tr.Functions[b]))
	})
	return all
}

// durations are the mean durations of functions, in order, with three weights.
type durations struct{ means, functions, calls, time []float64 }

// weighted is the durations of the chosen functions, of all where chosen is nil.
func (tr *Trace) weighted(byMean []int, chosen []bool) (d durations) {
	for _, i := range byMean {
		if chosen != nil && !chosen[i] {
			continue
		}
		f := &tr.Functions[i]
		mean, calls := f.Mean.Seconds(), float64(f.Calls)
		d.means, d.functions = append(d.means, mean), append(d.functions, 1)
		// A mean of 0 is below the clock of the trace: some weight remains.
		d.calls, d.time = append(d.calls, calls), append(d.time, calls*max(mean, time.Nanosecond.Seconds()))
	}
	return d
}

func (d durations) distance(e durations) Distance {
	ks := func(dw, ew []float64) float64 { return stat.KolmogorovSmirnov(d.means, dw, e.means, ew) }
	return Distance{Function: ks(d.functions, e.functions), Call: ks(d.calls, e.calls), Time: ks(d.time, e.time)}
}

// only is the trace of the chosen functions alone.
func (tr *Trace) only(chosen []bool) *Trace {
	t := *tr
	if tr.calls != nil {
		t.calls = slices.Clone(tr.calls)
		t.keep(func(c Call) bool { return chosen[c.Function] })
		return &t
	}
	t.Functions = nil
	for i, yes := range chosen {
		if yes {
			t.Functions = append(t.Functions, tr.Functions[i])
		}
	}
	return &t
}
