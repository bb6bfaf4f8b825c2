package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

const (
	noisyWidth = 0.10 // of an interval, as a share of its median
	busyShare  = 0.25 // of the processors, right before a trial
)

// sampleWarnings are the warnings of any sample of invocations.
func sampleWarnings(r Result) []Warning {
	w := trialWarnings(r)
	if r.N < statistics.MinFor(0.99) {
		w = append(w, Warn(WarnTooFew99, "%s, want %s", comma(r.N), comma(statistics.MinFor(0.99))))
	} else if least := statistics.MinFor(0.999); r.N < least {
		w = append(w, Warn(WarnTooFew999, "%s, want %s", comma(r.N), comma(least)))
	}
	return w
}

// trialWarnings are the warnings of a result that rests on few trials, or on trials that differ.
func trialWarnings(r Result) []Warning {
	var w []Warning
	switch {
	case r.Trials == 1:
		w = append(w, Warn(WarnSingleTrial, "how trials differ is not known"))
	case r.Trials < statistics.LeastTrials:
		w = append(w, Warn(WarnFewTrials, "%d, want %d for an interval; the bounds are the range of the trials",
			r.Trials, statistics.LeastTrials))
	}
	if (statistics.Interval{Low: r.CILow, High: r.CIHigh}).RelativeWidth(r.P50) > noisyWidth {
		w = append(w, Warn(WarnNoisy, "interval wider than %.0f %%", 100*noisyWidth))
	}
	return w
}

// lookedAt are metrics that say what was there, and are not measured.
var lookedAt = []string{record.MetricIsolated, record.MetricReachable, record.MetricFilled, record.MetricDistinct,
	record.MetricCompletions, record.MetricHotShare, record.MetricBursts, record.MetricBurstSize,
	record.MetricStemCells, record.MetricMostInstances}

// quantityWarnings are the warnings of a quantity with one value per trial.
func quantityWarnings(r Result, group []Quantity) []Warning {
	w := trialWarnings(r)
	if slices.Contains(lookedAt, r.Metric) {
		w = nil
	}
	reasons := map[string]int{}
	busy := 0
	for _, f := range group {
		if f.stopped != "" && f.stopped != record.StoppedBudget && f.stopped != record.StoppedFill {
			reasons[f.stopped]++
		}
		if f.busy > busyShare {
			busy++
		}
	}
	if len(reasons) > 0 {
		w = append(w, Warn(WarnStopped, "%s before the memory budget was used", counts(reasons, len(group), "trial")))
	}
	w = append(w, coverageWarnings(r, group)...)
	w = append(w, loadWarning(busy, len(group))...)
	return append(w, hostWarnings(r.Experiment, hostsOf(group))...)
}

// warnings are the warnings of the series as a whole.
func (s *Series) warnings() []Warning {
	var w []Warning
	outcomes, strays := map[string]int{}, map[string]int{}
	failed, n, busy := 0, 0, 0
	for _, t := range s.Trials {
		failed, n = failed+t.Failed, n+t.Failed+len(t.Latency)
		for k, c := range t.outcomes {
			outcomes[k] += c
		}
		for k, c := range t.strays {
			strays[k] += c
		}
		if t.busy > busyShare {
			busy++
		}
	}
	if failed > 0 {
		w = append(w, Warn(WarnErrors, "%d of %d (%s)", failed, n, strings.Join(counted(outcomes), ", ")))
	}
	if len(strays) > 0 {
		w = append(w, Warn(WarnStrays, "left out %s", strings.Join(counted(strays), ", ")))
	}
	w = append(w, loadWarning(busy, len(s.Trials))...)
	return append(w, s.hostWarnings()...)
}

func loadWarning(busy, trials int) []Warning {
	if busy == 0 {
		return nil
	}
	return []Warning{Warn(WarnLoad, "more than %.0f %% of the processors were in use before %d of %d trials",
		100*busyShare, busy, trials)}
}

func counted(counts map[string]int) []string {
	var all []string
	for _, k := range sortedKeys(counts) {
		all = append(all, fmt.Sprintf("%d %s", counts[k], k))
	}
	return all
}

func counts(reasons map[string]int, of int, what string) string {
	var all []string
	for _, k := range sortedKeys(reasons) {
		all = append(all, fmt.Sprintf("%d of %d %ss by %s", reasons[k], of, what, k))
	}
	return strings.Join(all, ", ")
}

func comma(n int) string { return humanize.Comma(int64(n)) }
