package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// shownRows counts the rows of a comparison in which a difference is shown, and those that had
// trials enough.
func shownRows(c comparison) (shown, tested int) {
	for _, r := range c.rows {
		if r.shown() {
			shown++
		}
		if !r.few {
			tested++
		}
	}
	return shown, tested
}

// The odd and the even blocks of the reference run are two runs of one thing. Another test holds
// the committed summary against the records.
func TestTwoHalvesOfTheReferenceRunDoNotDiffer(t *testing.T) {
	var halves [2][]summary.Result
	for _, r := range committed(t).Results {
		for half := range halves {
			part := r
			part.PerTrial = slices.DeleteFunc(slices.Clone(r.PerTrial), func(t statistics.Trial) bool {
				return t.Block%2 != half
			})
			halves[half] = append(halves[half], part)
		}
		if slices.ContainsFunc(r.PerTrial, func(t statistics.Trial) bool { return t.Block == 0 }) {
			t.Fatalf("%s has a trial of no block", resultName(&r))
		}
	}
	c := newComparison(halves[0], halves[1])
	shown, tested := shownRows(c)
	t.Logf("%d rows, %d with trials enough, %d shown", len(c.rows), tested, shown)
	if len(c.rows) < 20 {
		t.Errorf("%d rows in common", len(c.rows))
	}
	if float64(shown) > statistics.Alpha*float64(len(c.rows)) {
		t.Errorf("%d of %d rows differ between two halves of one run", shown, len(c.rows))
	}
}

// simulated is a SYNTHETIC run of many series: skewed values, trials that differ, and a factor
// that is 1 where nothing has changed.
func simulated(rng *rand.Rand, trials int, factor float64) []summary.Result {
	all := make([]summary.Result, 1000)
	for i := range all {
		r := &all[i]
		r.Experiment, r.Metric = record.ExperimentDeploy, summary.MetricLatency
		r.Labels = map[string]string{"series": fmt.Sprint(i)}
		for block := range trials {
			r.PerTrial = append(r.PerTrial, statistics.Trial{Number: block + 1, Block: block + 1,
				Value: factor * (1 + 0.1*rng.ExpFloat64()) * math.Exp(0.1*rng.NormFloat64())})
		}
		r.N, r.Trials = trials, trials
	}
	return all
}

func TestTwoRunsOfOneThingDifferInAtMostOneOfTwentyRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, trials := range []int{2, 5, 6, 8, 10, 20, 40} {
		c := newComparison(simulated(rng, trials, 1), simulated(rng, trials, 1))
		shown, tested := shownRows(c)
		if enough := trials >= statistics.LeastTrials; len(c.rows) != 1000 || enough != (tested == 1000) {
			t.Errorf("%d trials: %d rows, %d with trials enough", trials, len(c.rows), tested)
		}
		if float64(shown) > statistics.Alpha*float64(len(c.rows)) {
			t.Errorf("%d trials: %d of %d rows differ", trials, shown, len(c.rows))
		}
	}
	for _, trials := range []int{6, 10, 20} {
		shown, _ := shownRows(newComparison(simulated(rng, trials, 1), simulated(rng, trials, 2)))
		if shown < 990 {
			t.Errorf("%d trials: of 1,000 series that take twice as long, %d are shown", trials, shown)
		}
	}
}
